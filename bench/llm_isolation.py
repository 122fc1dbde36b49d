"""What the LLM lane does to the rule lane: open loop, the endpoint well, slow, broken or gone."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from typing import Any, Final, NamedTuple

import orjson

from bench.arrivals import Receiver
from bench.latency import (
    LEAD_S,
    TRAIL_TIMEOUT_S,
    UNCOUNTED_S,
    WARM_UP,
    Sender,
    lay_out_and_wait,
    quantiles,
)
from bench.llm_lane import Surroundings, open_surroundings, start_agent
from bench.llm_load import is_open, make_mixed_requests
from bench.load_generator import Schedule
from bench.observing import Observer
from bench.running import BenchError, Ground, Running, listening_for_noise
from tests.support.stand_in_llm import StandInLlm
from topics.registry import ESCALATIONS, full_name

OPEN_SHARE: Final = 0.07
"""Of all requests; the factory data set that the example is modelled on leaves so many open."""
CALL_TIMEOUT_S: Final = 2.0
TOTAL_TIMEOUT_S: Final = 4.0
GRACE_S: Final = 1.0
"""What an escalation may take beyond its time for an answer: both ways over the broker."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What is the matter with the LLM lane."""

    name: str
    switched_on: bool = True
    has_agent: bool = True
    fault: str | None = None
    """Of the endpoint, from the first request that counts: a kind of the stand-in's, or `gone`."""

    def ends(self, request_is_open: bool) -> bool:  # noqa: FBT001 -- what is asked about
        """Say whether such a request has a result while the scene lasts."""
        return not request_is_open or self.has_agent or not self.switched_on

    def strike(self, stand_in: StandInLlm) -> None:
        """Let it happen."""
        if self.fault == "gone":
            stand_in.process.kill()
        elif self.fault is not None:
            stand_in.fail(self.fault)


WITHOUT: Final = Scene("without the lane", switched_on=False, has_agent=False)
HANGS: Final = Scene("endpoint hangs", fault="hang")
SCENES: Final = (
    WITHOUT,
    Scene("healthy"),
    Scene("no llm-agent", has_agent=False),
    Scene("endpoint gone", fault="gone"),
    HANGS,
    Scene("endpoint says 500", fault="error"),
)


class Ending(NamedTuple):
    """How one request ended."""

    request_id: str
    arrived_s: float
    """By the observer's monotonic clock."""
    took_ms: int
    """From request to result, by the broker's timestamps of both."""
    how: str


Figures = dict[str, Any]


def measure_isolation(
    ground: Ground, scenes: Sequence[Scene], load: tuple[int, float], rounds: int
) -> dict[str, Any]:
    """Return latencies of what rules decide, and how escalations ended, for every scene.

    `load` is requests per second and for how many seconds; the first scene is `WITHOUT`.

    Raises:
        BenchError: a result is missing, or came twice.
    """
    runs: dict[str, list[Figures]] = {scene.name: [] for scene in scenes}
    for number in range(rounds):
        shift = number % len(scenes)
        for scene in (*scenes[shift:], *scenes[:shift]):
            figures = _run(ground, scene, number, load)
            runs[scene.name].append(figures)
            ground.say(f"isolation, round {number + 1}  {scene.name:<20}{_tell(figures)}")
    return summarize(runs)


def _run(ground: Ground, scene: Scene, number: int, load: tuple[int, float]) -> Figures:
    (per_second, seconds), track = load, ground.track
    name = f"{track.prefix}{SCENES.index(scene)}-{number}"
    for agent, topic in (("rule-agent", track.requests), ("llm-agent", _escalations(ground))):
        track.skip_to_end(f"{track.prefix}{agent}", topic)
    with ExitStack() as stack:
        # A Valkey that is empty, and a breaker that is closed: every run begins anew.
        around = stack.enter_context(open_surroundings(ground.cores.broker))
        options = ("--open-share", str(OPEN_SHARE))
        sender = Sender(ground, name, [per_second], seconds + UNCOUNTED_S, options)
        stack.callback(sender.stop)
        agents = _start_agents(ground, scene, name, around)
        for running in agents:
            stack.callback(running.stop)
        requests = make_mixed_requests(f"{name}-warm", WARM_UP, OPEN_SHARE)
        ended = sum(scene.ends(is_open(it, OPEN_SHARE)) for it in range(WARM_UP))
        lay_out_and_wait(ground, agents[-1], requests, ended)
        sender.await_ready()
        ours = [*(it.process for it in agents), sender.process, *around.processes()]
        with listening_for_noise(ground, ours):
            schedule, endings = _let_pass(ground, scene, sender, per_second, around.stand_in)
        for running in agents:
            running.require_alive()
    return figures_of(scene, schedule, endings)


def _escalations(ground: Ground) -> str:
    return full_name(ESCALATIONS, ground.track.prefix)


def _start_agents(
    ground: Ground, scene: Scene, name: str, around: Surroundings
) -> Sequence[Running]:
    """Return rule-agent, on a core alone, and llm-agent, which shares one with the broker."""
    settings = around.settings(
        ENABLE_LLM_ENGINE="true" if scene.switched_on else "false",
        JUDGIFY_LLM_CALL_TIMEOUT_S=str(CALL_TIMEOUT_S),
        JUDGIFY_LLM_TOTAL_TIMEOUT_S=str(TOTAL_TIMEOUT_S),
    )
    cores = {"rule-agent": ground.cores.contender}
    if scene.has_agent:
        cores["llm-agent"] = ground.cores.broker
    tag = name.replace(ground.track.prefix, "isolation-")
    return [start_agent(ground, agent, tag, core, settings) for agent, core in cores.items()]


def _let_pass(
    ground: Ground, scene: Scene, sender: Sender, per_second: int, stand_in: StandInLlm
) -> tuple[Schedule, list[Ending]]:
    track = ground.track
    ends = Observer(track.bootstrap, track.results, track.partitions).ends()
    receiver = Receiver(track.bootstrap, track.results, ends)
    scene.strike(stand_in)
    schedule = sender.begin(per_second)
    ended = sum(scene.ends(is_open(number, OPEN_SHARE)) for number in range(schedule.count))
    deadline_s = schedule.start_s + LEAD_S + schedule.seconds + TRAIL_TIMEOUT_S
    while receiver.count < ended and time.monotonic() < deadline_s:
        receiver.receive()
    sender.end()
    return schedule, [_read(message, at_s) for message, at_s in receiver.close_raw()]


def _read(message: Any, arrived_s: float) -> Ending:
    it = orjson.loads(message.value())
    took_ms = message.timestamp()[1] - it["origin"]["timestamp"]
    return Ending(it["request_id"], arrived_s, took_ms, _how(it))


def _how(judgment: Mapping[str, Any]) -> str:
    if judgment["method"] != "rule":
        return "answered"
    return "unanswered" if "no LLM answered" in judgment["reason"] else "by the rules"


# -- figures ----------------------------------------------------------


def figures_of(scene: Scene, schedule: Schedule, endings: Sequence[Ending]) -> Figures:
    """Return the quantiles of what rules decide after `UNCOUNTED_S`, and how the rest ended (pure).

    Raises:
        BenchError: a result is missing, came twice, or came where nobody could give one.
    """
    by_id = {ending.request_id: ending for ending in endings}
    is_left_open = [is_open(number, OPEN_SHARE) for number in range(schedule.count)]
    wanted = {schedule.request_id(n): n for n, it in enumerate(is_left_open) if scene.ends(it)}
    if len(endings) != len(by_id) or by_id.keys() != wanted.keys():
        raise BenchError(f"{scene.name}: {len(endings)} results instead of {len(wanted)}")
    counted = [
        (schedule.due_s(n), by_id[name])
        for name, n in wanted.items()
        if not is_left_open[n] and n >= UNCOUNTED_S * schedule.per_second
    ]
    left_open = [by_id[name] for name, n in wanted.items() if is_left_open[n]]
    within_ms = (TOTAL_TIMEOUT_S + GRACE_S) * 1_000
    return {
        "due_to_observer_ms": quantiles([(it.arrived_s - due) * 1_000 for due, it in counted]),
        "broker_to_broker_ms": quantiles([it.took_ms for _, it in counted]),
        "left_open": sum(is_left_open),
        "ended": dict(Counter(it.how for it in left_open)),
        "ended_ms_max": max((it.took_ms for it in left_open), default=None),
        "late": sum(it.took_ms > within_ms for it in left_open),
    }


def summarize(runs: Mapping[str, Sequence[Figures]]) -> dict[str, Any]:
    """Return medians over the rounds, ratios to the run without the lane in the same round."""
    without = _p99s(runs[WITHOUT.name])
    return {name: _summarize_scene(of_scene, without) for name, of_scene in runs.items()}


def _summarize_scene(runs: Sequence[Figures], without_ms_p99: Sequence[float]) -> Figures:
    p99s = _p99s(runs)
    endings: Counter[str] = Counter()
    for run in runs:
        endings.update(run["ended"])
    return {
        **{
            kind: {q: round(median(run[kind][q] for run in runs), 2) for q in ("p50", "p99")}
            for kind in ("due_to_observer_ms", "broker_to_broker_ms")
        },
        "ms_p99": p99s,
        "p99_over_without": round(
            median(mine / alone for mine, alone in zip(p99s, without_ms_p99, strict=True)), 2
        ),
        "left_open": sum(run["left_open"] for run in runs),
        "ended": dict(endings),
        "ended_ms_max": max(_known(run["ended_ms_max"] for run in runs), default=None),
        "late": sum(run["late"] for run in runs),
    }


def _p99s(runs: Sequence[Figures]) -> list[float]:
    return [run["due_to_observer_ms"]["p99"] for run in runs]


def _known(values: Iterator[int | None]) -> Iterator[int]:
    return (value for value in values if value is not None)


def _tell(figures: Figures) -> str:
    ms, ended = figures["due_to_observer_ms"], figures["ended"]
    told = ", ".join(f"{count} {how}" for how, count in sorted(ended.items())) or "none ended"
    return f"p50 {ms['p50']:7.1f}  p99 {ms['p99']:7.1f} ms  of {figures['left_open']}: {told}"
