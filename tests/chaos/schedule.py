"""Schedules: which fault strikes what, when and for how long. A seed makes one; JSON keeps it.

The schedule is all of a run that repeats: the same faults at the same offsets of time. What the
processes are doing at that moment is decided by the machine, and differs from run to run.
"""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Final

AGENTS: Final = ("rule-agent", "llm-agent", "postgres-sink")
COPIES: Final = 2
"""Copies of each agent that always run; a third one joins and leaves."""
KILLS_MIN: Final = 2
"""What every schedule kills at least, or the run proves nothing."""
ANSWERED_MIN: Final = 5
"""Escalations that an LLM must have answered, for the same reason; a breaker that opened lets nobody
ask for 30 s of a run."""
SETTLE_S: Final = 3.0
"""Before the first fault, so that there is work to hit."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One fault."""

    at_s: float
    """From the start of the load."""
    fault: str
    """A key of `faults.FAULTS`."""
    target: str
    """`rule-agent/0` (a copy), `kafka`, `postgres`, `valkey` or `fake-llm`."""
    hold_s: float
    """From its injection to the begin of its healing."""
    detail: str = ""
    """The failpoint that is armed, or how an endpoint fails."""

    @property
    def until_s(self) -> float:
        return self.at_s + self.hold_s


@dataclass(frozen=True, slots=True)
class Schedule:
    """What happens in a run."""

    seed: int
    seconds: float
    """How long phase 1 lasts: faults under load."""
    rate_per_s: int
    """Requests that are sent, whether or not anything answers."""
    faults: tuple[Planned, ...]

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", "utf-8")


def load_schedule(path: Path) -> Schedule:
    """Return the schedule that `save` wrote."""
    told = json.loads(path.read_text("utf-8"))
    told["faults"] = tuple(Planned(**fault) for fault in told["faults"])
    return Schedule(**told)


@dataclass(frozen=True, slots=True)
class _Kind:
    """A fault that can be drawn."""

    fault: str
    target: str
    """Of a service or an agent, its name; empty: any agent."""
    hold_s: tuple[float, float]
    detail: str = ""


ENDPOINT_FAULTS: Final = (
    "hang",
    "error",
    "rate_limited",
    "drip",
    "reset",
    "html",
    "gzip_bomb",
    "unknown_verdict",
)
"""How an endpoint fails: words of `judgify fake-llm`."""
_SERVICE_KINDS: Final = (
    _Kind("stop", "kafka", (2, 6)),
    _Kind("kill-service", "kafka", (0, 4)),
    _Kind("freeze", "kafka", (3, 12)),
    _Kind("stop", "postgres", (2, 8)),
    _Kind("immediate-stop", "postgres", (0, 6)),
    _Kind("freeze", "postgres", (3, 10)),
    _Kind("fill-disk", "postgres", (4, 10)),
    _Kind("lock", "postgres", (4, 13)),
    _Kind("refuse-writes", "postgres", (3, 8)),
    _Kind("flush", "valkey", (0, 0)),
    _Kind("stop", "valkey", (1, 5)),
    _Kind("endpoint", "fake-llm", (2, 8)),
    _Kind("endpoint", "fake-llm", (2, 8)),
    _Kind("kill-service", "fake-llm", (0, 4)),
)
_AGENT_KINDS: Final = (
    _Kind("kill", "", (0, 0)),
    _Kind("kill", "", (0, 0)),
    _Kind("kill", "", (0, 0)),
    _Kind("failpoint", "", (5, 8)),
    _Kind("failpoint", "", (5, 8)),
    _Kind("failpoint", "", (5, 8)),
    _Kind("failpoint", "", (5, 8)),
    _Kind("freeze", "", (1, 5)),
    _Kind("freeze", "", (12, 16)),  # a zombie: its membership, 10 s, has expired when it wakes
    _Kind("leave", "", (1, 6)),
    _Kind("join", "", (3, 8)),
    _Kind("hang", "", (13, 15)),  # longer than the watchdog waits
)
_ALWAYS: Final = (
    _Kind("kill", "rule-agent", (0, 0)),
    _Kind("failpoint", "rule-agent", (8, 8), "after_publish:3:kill"),
    _Kind("kill", "postgres-sink", (0, 0)),
    _Kind("kill", "llm-agent", (0, 0)),
    _Kind("failpoint", "llm-agent", (8, 8), "llm_replied:5:kill"),
)
"""What every run begins with: kills, one that leaves published work uncommitted, and one between
the answer of an LLM and its bill."""
POINTS: Final = {
    "rule-agent": (
        "received",
        "judged",
        "before_publish",
        "mid_batch",
        "after_publish",
        "before_commit",
    ),
    "llm-agent": (
        "received",
        "llm_reserved",
        "llm_replied",
        "llm_judged",
        "before_publish",
        "after_publish",
        "before_commit",
    ),
    "postgres-sink": ("received", "decoded", "mid_batch", "stored", "before_commit"),
}
"""The failpoints that each agent passes under load."""
ACTIONS: Final = ("kill", "kill", "kill", "exit", "raise", "sleep_ms=3000")
BURYING: Final = frozenset({"llm_reserved", "llm_replied", "llm_judged"})
"""Points inside the work on one record, where `raise` is a bug of ours: it is buried, as it must."""


def make_schedule(seed: int, seconds: float, rate_per_s: int) -> Schedule:
    """Return the faults of `seed`: one at a time of the services, any number of the agents."""
    chance = random.Random(seed)
    faults = [*_draw_services(chance, seconds), *_draw_agents(chance, seconds)]
    faults.sort(key=lambda fault: fault.at_s)
    return Schedule(seed, seconds, rate_per_s, tuple(faults))


def _deal(chance: random.Random, kinds: Sequence[_Kind]) -> Iterator[_Kind]:
    """Yield every kind once in random order, then again in another."""
    while True:
        yield from chance.sample(kinds, len(kinds))


def _draw_services(chance: random.Random, seconds: float) -> Iterator[Planned]:
    at_s = SETTLE_S + chance.uniform(0, 4)
    for kind in _deal(chance, _SERVICE_KINDS):
        hold_s = chance.uniform(*kind.hold_s)
        if at_s + hold_s > seconds:
            return
        detail = chance.choice(ENDPOINT_FAULTS) if kind.fault == "endpoint" else ""
        yield Planned(round(at_s, 2), kind.fault, kind.target, round(hold_s, 2), detail)
        at_s += hold_s + chance.uniform(3, 7)  # a broker needs about 3 s to start


def _draw_agents(chance: random.Random, seconds: float) -> Iterator[Planned]:
    busy_until_s: dict[str, float] = {}
    at_s = SETTLE_S
    for kind in chain(_ALWAYS, _deal(chance, _AGENT_KINDS)):
        hold_s = chance.uniform(*kind.hold_s)
        if at_s > seconds:
            return
        free = [slot for slot in _slots(kind) if busy_until_s.get(slot, 0) < at_s]
        if free and at_s + hold_s <= seconds:
            slot = chance.choice(free)
            busy_until_s[slot] = at_s + hold_s + 2
            detail = kind.detail
            if kind.fault == "failpoint" and not detail:
                detail = _draw_failpoint(chance, slot)
            yield Planned(round(at_s, 2), kind.fault, slot, round(hold_s, 2), detail)
        at_s += chance.uniform(1.5, 5)


def _slots(kind: _Kind) -> list[str]:
    copies = (COPIES,) if kind.fault == "join" else range(COPIES)
    agents = (kind.target,) if kind.target else AGENTS
    return [f"{agent}/{copy}" for agent in agents for copy in copies]


def _draw_failpoint(chance: random.Random, slot: str) -> str:
    point = chance.choice(POINTS[slot.partition("/")[0]])
    actions = [action for action in ACTIONS if action != "raise" or point not in BURYING]
    return f"{point}:{chance.randint(1, 12)}:{chance.choice(actions)}"
