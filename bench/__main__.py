"""`python -m bench`: measures one part or all, or renders the page about what was measured."""

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

import orjson

from bench.contenders import CONFLUENT_LOOP_EAGER, CONTENDERS
from bench.page import ROOT, load_reports, write_page
from bench.parts import FULL, PARTS, QUICK, Plan, measure, say
from bench.running import BenchError
from bench.tables import tables_of, tell_conditions
from schemas.errors import PipelineError

RESULTS: Final = ROOT / "bench" / "results"


def read_arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("part", nargs="*", choices=[*PARTS, "all", "report"], default="all")
    parser.add_argument("--quick", action="store_true", help="only show that everything runs")
    parser.add_argument("--rounds", type=int, help=f"runs of each contender ({FULL.rounds})")
    parser.add_argument("--requests", type=int, help=f"of each run ({FULL.requests:,})")
    parser.add_argument("--seconds", type=float, help=f"of each rate of latency ({FULL.seconds})")
    parser.add_argument("--kills", type=int, help=f"of each contender ({FULL.kills})")
    parser.add_argument("--minutes", type=float, help=f"of memory ({FULL.minutes})")
    parser.add_argument("--rows", type=int, help=f"of the sink ({FULL.rows:,})")
    names = [it.name for it in (*CONTENDERS, CONFLUENT_LOOP_EAGER)]
    parser.add_argument("--only", action="append", choices=names, help="may be repeated")
    parser.add_argument("--output", type=Path, help="directory of the reports (bench/results)")
    return parser.parse_args()


def make_plan(arguments: argparse.Namespace) -> Plan:
    """Return the full or the quick plan, changed by what was asked for."""
    names = ("rounds", "requests", "seconds", "kills", "minutes", "rows")
    asked = {name: getattr(arguments, name) for name in names}
    asked["only"] = tuple(arguments.only) if arguments.only else None
    changes = {name: value for name, value in asked.items() if value is not None}
    return replace(QUICK if arguments.quick else FULL, **changes)


def measure_part(part: str, plan: Plan, output: Path | None) -> None:
    """Measure one part, print its tables, and write its report into `output`."""
    started_s = time.monotonic()
    say(f"--- {part}")
    try:
        report = measure(part, plan)
    except (BenchError, PipelineError) as error:
        raise SystemExit(f"{part} is not measured: {error}") from error
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        text = orjson.dumps(report, option=orjson.OPT_INDENT_2) + b"\n"
        (output / f"{part}.json").write_bytes(text)
    for table in tables_of(report):
        say(f"\n{table.as_text()}")
    say(f"\n{tell_conditions(report['conditions'])}")
    say(f"{part}: {time.monotonic() - started_s:.0f} s")


def main() -> None:
    """Measure, print, write; or render."""
    arguments = read_arguments()
    asked = [arguments.part] if isinstance(arguments.part, str) else arguments.part
    if "report" in asked:
        written = write_page(ROOT, load_reports(arguments.output or RESULTS))
        say(f"wrote {', '.join(str(path.relative_to(ROOT)) for path in written)}")
        return
    plan = make_plan(arguments)
    # What --quick finds means nothing: it is written only where somebody asks for it.
    output = arguments.output or (None if arguments.quick else RESULTS)
    for part in PARTS if "all" in asked else asked:
        measure_part(part, plan, output)


if __name__ == "__main__":
    main()
