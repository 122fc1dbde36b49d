"""The part `whole`: the whole judgment of rule-agent beside plain consumers, in one run."""

from collections.abc import Sequence
from typing import Any

from bench.contenders import OURS, Contender
from bench.environments import find_versions, lock_path, open_environment
from bench.figures import Run, ratio_by_round, summarize_contender
from bench.micro import measure_parts
from bench.race import Race
from bench.running import Ground
from bench.track import make_load
from bench.turns import run_turns


def measure_whole(
    ground: Ground, contenders: Sequence[Contender], rounds: int, requests: int, requests_few: int
) -> dict[str, Any]:
    """Return rates, ratios and processor time; a peer that fails is left out, with the reason."""
    loads = {False: make_load(requests), True: make_load(requests_few)}
    track = ground.track
    ground.say("in process ...")
    parts_us = measure_parts(track, loads[False])
    ground.say(f"laying out {requests:,} requests ...")
    track.lay_out(track.requests, loads[False].requests)
    track.lay_out(track.requests_few, loads[True].requests)
    runs: list[Run] = []
    race = Race(ground)

    def run(contender: Contender, number: int) -> list[str]:
        runs.append(race.run(contender, number, loads[contender.few]))
        return [format_run(runs[-1])]

    failures = run_turns(ground, contenders, rounds, run)
    names = [it.name for it in contenders if it.name not in failures]
    return {
        "what": "whole judgment: strict decode, milling workflow, uuid5, full Judgment record, key "
        "and headers, produce, acknowledge, commit",
        "settings": {"rounds": rounds, **track.describe(loads[False])},
        "contenders": {
            name: summarize_contender([run for run in runs if run.contender == name])
            for name in names
        },
        "failed": failures,
        "ratios": {
            f"{OURS} / {name}": ratio_by_round(runs, OURS, name) for name in names if name != OURS
        },
        "peer_packages": {
            it.name: _peer_versions(it) for it in contenders if it.environment and it.name in names
        },
        "in_process_us_per_request": parts_us,
    }


def format_run(run: Run) -> str:
    """Return one line about one run."""
    cpu = "" if run.cpu_us_per_request is None else f"{run.cpu_us_per_request:7.1f} us CPU"
    note = "" if run.committed else "  NOT ALL COMMITTED"
    return f"{run.per_second:>9,.0f}/s{cpu}{note}"


def _peer_versions(contender: Contender) -> dict[str, str]:
    pins = {line.split("==")[0] for line in _pins(contender)}
    wanted = [name for name in ("quixstreams", "bytewax", "confluent-kafka") if name in pins]
    return find_versions(open_environment(contender.environment), wanted)


def _pins(contender: Contender) -> list[str]:
    text = lock_path(contender.environment or "").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if "==" in line]
