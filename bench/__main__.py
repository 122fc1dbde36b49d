"""`python -m bench`: the whole judgment of rule-agent beside plain consumers, in one run."""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from bench.conditions import describe_conditions
from bench.cores import choose_cores, find_broker, pinned, staying_on
from bench.figures import Run
from bench.micro import measure_parts
from bench.race import BenchError, Contender, Race
from bench.report import OURS, build_report, format_report, format_run
from bench.track import Load, Track, make_load
from schemas.errors import PipelineError

CONTENDERS: Final = (
    Contender(OURS, None),
    Contender("confluent-loop", "bench.peers.confluent_loop"),
    Contender("aiokafka-loop", "bench.peers.aiokafka_loop"),
    Contender("plain-faust", "bench.peers.plain_faust", few=True),
)
RESULT: Final = Path(__file__).parent / "results" / "first-judgment.json"


def read_arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each contender (3)")
    parser.add_argument("--requests", type=int, default=200_000, help="of each run (200,000)")
    parser.add_argument(
        "--requests-few", type=int, default=15_000, help="of each run of plain Faust (15,000)"
    )
    parser.add_argument(
        "--only", action="append", choices=[it.name for it in CONTENDERS], help="may be repeated"
    )
    parser.add_argument("--output", type=Path, default=RESULT, help="where the report goes")
    return parser.parse_args()


def run_all(
    race: Race, contenders: Sequence[Contender], loads: dict[bool, Load], rounds: int
) -> list[Run]:
    """Return the figures of every run; each round begins with another contender."""
    runs: list[Run] = []
    total = rounds * len(contenders)
    for number in range(rounds):
        shift = number % len(contenders)
        for contender in (*contenders[shift:], *contenders[:shift]):
            run = race.run(contender, number, loads[contender.few])
            runs.append(run)
            _clear_line()
            print(f"[{len(runs):>2}/{total}] round {number + 1}  {format_run(run)}", flush=True)
    return runs


def measure(arguments: argparse.Namespace, bootstrap: str) -> dict[str, Any]:
    """Return the report of one benchmark."""
    contenders = [it for it in CONTENDERS if not arguments.only or it.name in arguments.only]
    loads = {False: make_load(arguments.requests), True: make_load(arguments.requests_few)}
    cores, broker, track = choose_cores(), find_broker(bootstrap), Track(bootstrap)
    conditions = describe_conditions(broker)
    print("in process ...", flush=True)
    parts_us = measure_parts(track, loads[False])
    print(f"laying out {arguments.requests:,} requests ...", flush=True)
    with (
        tempfile.TemporaryDirectory(prefix="judgify-bench.") as logs,
        pinned(broker, cores.broker) as is_pinned,
        staying_on(cores.broker),
    ):
        try:
            track.open()
            track.lay_out(track.requests, loads[False].requests)
            track.lay_out(track.requests_few, loads[True].requests)
            runs = run_all(
                Race(track, cores, Path(logs), _show), contenders, loads, arguments.rounds
            )
        finally:
            track.close()
    settings = {
        "rounds": arguments.rounds,
        "contender_has_a_core_of_its_own": cores.contender is not None,
        "broker_is_on_another": is_pinned,
        **track.describe(loads[False]),
    }
    return build_report(runs, conditions, settings, parts_us)


def _show(done: int, total: int) -> None:
    if sys.stdout.isatty():
        print(f"\r  {done:>9,} of {total:,}", end="", flush=True)


def _clear_line() -> None:
    if sys.stdout.isatty():
        print("\r\x1b[K", end="")


def main() -> None:
    """Measure, print, write."""
    arguments = read_arguments()
    bootstrap = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if not bootstrap:
        raise SystemExit("KAFKA_BOOTSTRAP_SERVERS is not set: type `make bench`")
    started_s = time.monotonic()
    try:
        report = measure(arguments, bootstrap)
    except (BenchError, PipelineError) as error:
        raise SystemExit(f"not measured: {error}") from error
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2) + b"\n")
    print(f"\n{format_report(report)}\n")
    print(f"{arguments.output.name}, {time.monotonic() - started_s:.0f} s")


if __name__ == "__main__":
    main()
