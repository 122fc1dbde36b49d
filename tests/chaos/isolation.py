"""`python -m tests.chaos.isolation`: what must not disturb the rule lane, measured.

An open loop of good requests; then one in ten of them is poison; then good ones again; then
PostgreSQL is gone. In each phase the time from request to result, both by the broker's own clock,
held against the phase before. In the end PostgreSQL comes back, and the sink must catch up.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson
from rich.console import Console
from rich.table import Table

from tests.chaos import sql
from tests.chaos.evidence import read_topic
from tests.chaos.scene import Scene
from tests.chaos.workload import Workload
from tests.support.lane import Lane

SECONDS: Final = 60.0
RATE_PER_S: Final = 5_000
WARM_UP_S: Final = 5.0
POISON_SHARE: Final = 0.1
POISON_RATIO_MAX: Final = 2.0
AWAY_RATIO_MAX: Final = 1.1
RESOLUTION_MS: Final = 2
"""Two timestamps of the broker, each cut to a millisecond."""
CATCH_UP_RATIO_MAX: Final = 2.0
"""The backlog of an outage is gone within twice the outage."""
FEWEST_PER_SECOND: Final = 50
"""A second with fewer results says nothing about a 99th percentile."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of time, by the broker's clock, and how long results took in it."""

    name: str
    results: int
    ms_p50: float
    ms_p99: float
    """The median of the 99th percentiles of its seconds: one second in which the machine did
    something else does not decide."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the scenario showed."""

    alone: Phase
    poisoned: Phase
    alone_again: Phase
    away: Phase
    sent: int
    accounted: int
    """Rows, duplicates and buried requests in PostgreSQL."""
    catch_up_s: float
    outage_s: float
    restarts: int
    audit: int

    def losses(self) -> Iterator[str]:
        """Yield what does not hold, however busy the machine is."""
        if self.accounted != self.sent:
            yield f"{self.sent} were sent, {self.accounted} are accounted for"
        if self.restarts:
            yield f"{self.restarts} processes ended"
        if self.audit:
            yield f"`judgify audit` ended with code {self.audit}"

    def delays(self) -> Iterator[str]:
        """Yield what takes too long; on a busy machine that may be its own doing."""
        for phase, before, ratio in (
            (self.poisoned, self.alone, POISON_RATIO_MAX),
            (self.away, self.alone_again, AWAY_RATIO_MAX),
        ):
            most_ms = max(before.ms_p99 * ratio, before.ms_p99 + RESOLUTION_MS)
            if phase.ms_p99 > most_ms:
                yield f"{phase.name}: p99 {phase.ms_p99:g} ms, at most {most_ms:g} ms"
        if self.catch_up_s > CATCH_UP_RATIO_MAX * self.outage_s:
            yield f"the sink took {self.catch_up_s:.1f} s to catch up with {self.outage_s:.1f} s"


def run(directory: Path, seconds: float, rate_per_s: int) -> Outcome:
    """Play the phases on a stage of their own."""
    scene = Scene(directory, Workload(0, malformed_share=0.0), rate_per_s)
    try:
        lane = scene.open(copies=1)
        return _play(scene, lane, seconds)
    finally:
        scene.close()


def _play(scene: Scene, lane: Lane, seconds: float) -> Outcome:
    scene.load.start()
    _let_pass(scene, WARM_UP_S)
    marks = [_let_pass(scene, seconds)]
    scene.load.workload = Workload(1, malformed_share=POISON_SHARE)
    marks.append(_let_pass(scene, seconds))
    scene.load.workload = Workload(2, malformed_share=0.0)
    marks.append(_let_pass(scene, seconds))
    postgres = scene.stage.postgres
    postgres.send(postgres.service.program.stop_signal)
    away_s = time.monotonic()
    marks.append(_let_pass(scene, seconds))
    scene.wait(postgres.is_back, 60)
    back_s = time.monotonic()
    outage_s = back_s - away_s
    unanswered = scene.load.stop()
    left = scene.drain(CATCH_UP_RATIO_MAX * outage_s + 30)
    catch_up_s = time.monotonic() - back_s
    audit = lane.run_judgify("audit")
    restarts = len(scene.history.read("ended"))
    scene.stop_fleet()
    alone, poisoned, alone_again, away = measure(lane, marks)
    if unanswered or left:
        raise TimeoutError(f"{unanswered} requests unanswered, {left} records left")
    return Outcome(
        alone=alone,
        poisoned=poisoned,
        alone_again=alone_again,
        away=away,
        sent=len(scene.load.sent),
        accounted=sql.fetch(scene.stage.database_url, _ACCOUNTED)[0][0],
        catch_up_s=catch_up_s,
        outage_s=outage_s,
        restarts=restarts,
        audit=audit.returncode,
    )


_ACCOUNTED: Final = """
SELECT (SELECT count(*) FROM judgment_executions) + (SELECT count(*) FROM judgment_duplicates)
     + (SELECT count(*) FROM dead_letters)"""


def _let_pass(scene: Scene, seconds: float) -> tuple[int, int]:
    """Let time pass; return when it began and ended, in milliseconds since the epoch."""
    begun_ms = int(time.time() * 1_000)
    scene.wait(lambda: False, seconds)
    return begun_ms, int(time.time() * 1_000)


def measure(lane: Lane, marks: list[tuple[int, int]]) -> list[Phase]:
    """Return what each phase was like; a result belongs to the phase of its request."""
    seconds: list[defaultdict[int, list[int]]] = [defaultdict(list) for _ in marks]
    for record in read_topic(lane.bootstrap, lane.results):
        asked_ms = orjson.loads(record.value())["origin"]["timestamp"]
        for phase, (begun_ms, ended_ms) in zip(seconds, marks, strict=True):
            if begun_ms <= asked_ms < ended_ms:
                phase[asked_ms // 1_000].append(record.timestamp()[1] - asked_ms)
    names = ("alone", "one in ten is poison", "alone again", "PostgreSQL is gone")
    return [_summarise(name, phase) for name, phase in zip(names, seconds, strict=True)]


def _summarise(name: str, seconds: dict[int, list[int]]) -> Phase:
    full = [times for times in seconds.values() if len(times) >= FEWEST_PER_SECOND]
    if not full:
        raise TimeoutError(f"{name}: no second had {FEWEST_PER_SECOND} results")
    p99s = [statistics.quantiles(times, n=100)[98] for times in full]
    p50s = [statistics.median(times) for times in full]
    count = sum(map(len, seconds.values()))
    return Phase(name, count, statistics.median(p50s), round(statistics.median(p99s), 1))


def main() -> int:
    """Run the scenario and print its table; 0 when everything holds."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.isolation")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each phase")
    parser.add_argument("--rate", type=int, default=RATE_PER_S, help="requests per second")
    parser.add_argument(
        "--attempts", type=int, default=1, help="how often delays are measured anew; losses never"
    )
    parser.add_argument(
        "--losses-only",
        action="store_true",
        help="delays are told and do not decide: on a machine shared with others they say nothing",
    )
    options = parser.parse_args()
    console = Console(highlight=False)
    for attempt in range(1, options.attempts + 1):
        directory = Path(tempfile.mkdtemp(prefix="judgify-chaos-isolation-"))
        outcome = run(directory, options.seconds, options.rate)
        losses, delays = list(outcome.losses()), list(outcome.delays())
        print_outcome(console, outcome, options.rate, attempt)
        for problem in losses:
            console.print(f"[bold red]NO[/] {problem}")
        for problem in delays:
            console.print(f"[bold yellow]SLOW[/] {problem}")
        if losses:
            console.print(f"kept: {directory}", soft_wrap=True)
            return 1
        shutil.rmtree(directory)
        if not delays or options.losses_only:
            return 0
    return 1


def print_outcome(console: Console, outcome: Outcome, rate_per_s: int, attempt: int) -> None:
    """Print one table, and what became of everything."""
    title = f"{rate_per_s} requests/s, attempt {attempt}"
    table = Table("phase", "results", "p50 ms", "p99 ms", title=title)
    for phase in (outcome.alone, outcome.poisoned, outcome.alone_again, outcome.away):
        table.add_row(phase.name, str(phase.results), f"{phase.ms_p50:g}", f"{phase.ms_p99:g}")
    console.print(table)
    console.print(
        f"PostgreSQL was gone for {outcome.outage_s:.1f} s; the sink caught up in "
        f"{outcome.catch_up_s:.1f} s with {outcome.restarts} restarts; {outcome.sent} sent, "
        f"{outcome.accounted} accounted for; audit {outcome.audit}"
    )


if __name__ == "__main__":
    sys.exit(main())
