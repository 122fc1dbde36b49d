"""`python -m tests.chaos`: run seeds, one after the other, and say what held.

`--seed N` (several times), or `--fresh N` of new ones, or `--minutes M` of new ones until the time
is up; `--schedule FILE` replays the faults of an earlier run.
"""

import argparse
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

from rich.console import Console

from tests.chaos.checker import check
from tests.chaos.driver import Run
from tests.chaos.fleet import PROGRAM
from tests.chaos.report import print_run
from tests.chaos.schedule import Schedule, load_schedule, make_schedule

SECONDS: Final = 45.0
RATE_PER_S: Final = 300
BROKEN_PROGRAM: Final = ("-m", "tests.chaos.broken_ledger")


def main() -> int:
    """Run what was asked for; 0 when every invariant of every run held."""
    signal.signal(signal.SIGTERM, _end)
    options = _parse(sys.argv[1:])
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 110)
    failed: list[int] = []
    runs = 0
    for schedule in _schedules(options):
        runs += 1
        program = BROKEN_PROGRAM if options.broken_ledger else PROGRAM
        if not run_schedule(console, schedule, program):
            failed.append(schedule.seed)
    verdict = f"FAILED: seeds {', '.join(map(str, failed))}" if failed else "everything held"
    console.print(f"chaos: {runs} runs, {verdict}")
    return 1 if failed or not runs else 0


def run_schedule(console: Console, schedule: Schedule, program: tuple[str, ...]) -> bool:
    """Run one schedule and print what came of it; say whether everything held."""
    directory = Path(tempfile.mkdtemp(prefix=f"judgify-chaos-{schedule.seed}-"))
    count = len(schedule.faults)
    console.print(
        f"seed {schedule.seed}: {count} faults in {schedule.seconds:g} s, "
        f"{schedule.rate_per_s} requests/s, in {directory}"
    )
    started_s = time.monotonic()
    with console.status("services and agents start") as status:

        def say(line: str) -> None:
            status.update(f"seed {schedule.seed}, {time.monotonic() - started_s:.0f} s")
            console.print(line, markup=False)

        evidence = Run(schedule, directory, say, program).execute()
    verdicts = check(evidence)
    held = all(verdict.holds for verdict in verdicts)
    print_run(console, schedule.seed, evidence, verdicts, directory)
    console.print(f"  took {time.monotonic() - started_s:.0f} s\n")
    if held:
        shutil.rmtree(directory)
    return held


def _schedules(options: argparse.Namespace) -> Iterator[Schedule]:
    if options.schedule:
        yield load_schedule(options.schedule)
        return
    deadline_s = time.monotonic() + options.minutes * 60
    for seed in options.seed:
        yield make_schedule(seed, options.seconds, options.rate)
    for _ in range(options.fresh):
        yield make_schedule(secrets.randbits(31), options.seconds, options.rate)
    while time.monotonic() < deadline_s:
        yield make_schedule(secrets.randbits(31), options.seconds, options.rate)


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, action="append", default=[])
    parser.add_argument("--fresh", type=int, default=0, help="run that many new seeds")
    parser.add_argument("--minutes", type=float, default=0, help="run new seeds for so long")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of faults per seed")
    parser.add_argument("--rate", type=int, default=RATE_PER_S, help="requests per second")
    parser.add_argument("--schedule", type=Path, help="the schedule.json of an earlier run")
    parser.add_argument(
        "--broken-ledger", action="store_true", help="run a build that loses records: must fail"
    )
    return parser.parse_args(arguments)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    """Leave by the way that stops what was started."""
    del frame
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
