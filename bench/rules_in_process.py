"""Rules in process: generated functions beside hand-written Python of the same rules.

Three forms of each rule set, judged on the same events by processor time: the function that our
compiler generates; Python as people write it by hand for events that are always complete; and
Python by hand that survives a missing value, by taking its comparison for false. Neither of the
last two checks a type or a range, or says what it could not know: that is what ours does besides.
The events are what the agents judge: JSON that our decoder has read. The keys of such events are
equal to those in hand-written code, but not the same objects, and a dict takes longer to find them.
"""

import gc
import json
import time
from collections.abc import Callable, Sequence
from random import Random
from statistics import median
from typing import Any, Final, NamedTuple

from bench.rules_by_hand import compile_by_hand
from rules.workflow.compiled import compile_workflow
from schemas.decode import parse_json

SIZES: Final = (1, 5, 50, 500)
EVENTS: Final = 2_000
REPEATS: Final = 41
SEED: Final = 20_261_121
INCOMPLETE_SHARE: Final = 0.3
"""Of the events; each lacks one of the fields that the rules read, or two."""
FIELDS: Final = tuple(f"sensor_{number}" for number in range(12))
MODES: Final = ("idle", "run", "fault", "service")
FIRING_SHARE: Final = 0.36
"""Of the events, on which some rule would fire if no two rules read the same field; the share that
they do fire on is measured, and smaller for large sets."""

Event = dict[str, Any]
Judge = Callable[[Event], object]


class RuleSet(NamedTuple):
    """Conditions in the words that our language and Python have in common, and their fields."""

    conditions: tuple[str, ...]
    fields: tuple[tuple[str, ...], ...]


def measure_rules() -> dict[str, Any]:
    """Return events per second of each form, by number of rules and kind of events.

    `ratio` is ours over the hand-written form that the events allow: the one for complete events,
    or the one that survives a missing value; the median of the repeats, in each of which the forms
    ran one right behind the other. Takes some 15 s of one core.
    """
    random = Random(SEED)
    complete = [_draw_event(random) for _ in range(EVENTS)]
    kinds = {
        "complete": complete,
        "30 % of the events incomplete": [_sometimes_cut(event, random) for event in complete],
    }
    return {
        "conditions": {
            "events": EVENTS,
            "fields": len(FIELDS) + 1,
            "repeats": REPEATS,
            "rates": "by processor time, best of the repeats",
            "ratios": "median of the repeats",
            "seed": SEED,
        },
        "rules": {
            str(count): _measure_set(_draw_rules(count, Random(SEED + count)), kinds)
            for count in SIZES
        },
    }


def _measure_set(rules: RuleSet, kinds: dict[str, list[Event]]) -> dict[str, Any]:
    started_s = time.process_time()
    ours: Judge = compile_workflow(_make_document(rules)).find
    compile_ms = round((time.process_time() - started_s) * 1_000, 1)
    by_hand = compile_by_hand(rules.conditions, rules.fields)
    _require_equal(ours, (by_hand.trusting, by_hand.tolerant), kinds["complete"])
    fired = sum(by_hand.trusting(event) is not None for event in kinds["complete"]) / EVENTS
    measured: dict[str, Any] = {"compile_ms": compile_ms, "fired_share": round(fired, 3)}
    for kind, events in kinds.items():
        forms: dict[str, Judge] = {"ours": ours, "by_hand_tolerant": by_hand.tolerant}
        if kind == "complete":
            forms["by_hand"] = by_hand.trusting
        taken_s = _measure_forms(forms, events)
        peer_s = taken_s.get("by_hand", taken_s["by_hand_tolerant"])
        ratios = [peer / ours for ours, peer in zip(taken_s["ours"], peer_s, strict=True)]
        rates = {name: round(len(events) / min(seconds)) for name, seconds in taken_s.items()}
        measured[kind] = {**rates, "ratio": round(median(ratios), 3)}
    return measured


def _measure_forms(forms: dict[str, Judge], events: Sequence[Event]) -> dict[str, list[float]]:
    """Return the processor time of each repeat; the forms take turns in the machine's moods."""
    taken_s: dict[str, list[float]] = {name: [] for name in forms}
    gc.collect()
    for _ in range(REPEATS):
        for name, judge in forms.items():
            started_s = time.process_time()
            for event in events:
                judge(event)
            taken_s[name].append(time.process_time() - started_s)
    return taken_s


def _require_equal(ours: Judge, others: Sequence[Judge], events: Sequence[Event]) -> None:
    """Raise unless all forms name the same rule for each event: else they do different work."""
    for event in events:
        rule = getattr(ours(event), "rule", None)
        answers = {judge(event) for judge in others}
        if answers != {rule}:
            raise AssertionError(f"ours names {rule}, by hand {answers}: {event}")


def _draw_rules(count: int, random: Random) -> RuleSet:
    """Return rules of five kinds in turn; each fires with the same, small probability."""
    share = 1 - (1 - FIRING_SHARE) ** (1 / count)
    conditions, fields = [], []
    for index in range(count):
        first, second, third = random.sample(FIELDS, 3)
        high, root = 100 * (1 - share), 100 * (1 - share**0.5)
        text, used = (
            (f"{first} > {high:.6g}", (first,)),
            (f"{first} > {root:.6g} and {second} > {root:.6g}", (first, second)),
            (f"mode == 'fault' and {first} < {400 * share:.6g}", ("mode", first)),
            (f"abs({first} - {second}) > {100 * (1 - share**0.5):.6g}", (first, second)),
            (
                f"{first} * {second} > {10_000:.6g} or {third} < {100 * share:.6g}",
                (first, second, third),
            ),
        )[index % 5]
        conditions.append(text)
        fields.append(used)
    return RuleSet(tuple(conditions), tuple(fields))


def _draw_event(random: Random) -> Event:
    values: Event = {name: random.uniform(0, 100) for name in FIELDS}
    values |= {"mode": random.choice(MODES), "machine": f"M{random.randrange(1_000)}"}
    return _decoded(values)


def _decoded(event: Event) -> Event:
    decoded: Event = parse_json(json.dumps(event).encode())
    return decoded


def _sometimes_cut(event: Event, random: Random) -> Event:
    if random.random() >= INCOMPLETE_SHARE:
        return event
    lost = set(random.sample((*FIELDS, "mode"), random.randint(1, 2)))
    return {name: value for name, value in event.items() if name not in lost}


def _make_document(rules: RuleSet) -> dict[str, Any]:
    return {
        "judgify": 1,
        "id": "bench",
        "verdicts": {"ok": {}, "fail": {}},
        "input": {
            **{name: {"type": "number"} for name in FIELDS},
            "mode": {"type": "string", "one_of": list(MODES)},
        },
        "rules": [
            {"id": f"R{index}", "when": text, "verdict": "fail"}
            for index, text in enumerate(rules.conditions)
        ],
        "otherwise": {"verdict": "ok"},
    }
