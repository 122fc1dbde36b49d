"""The part `whole`: the whole judgment of rule-agent beside plain consumers, in one run."""

from collections.abc import Sequence
from typing import Any

from bench.contenders import OURS, Contender
from bench.environments import find_versions, lock_path, open_environment
from bench.figures import Run, ratio_by_round, summarize_contender
from bench.micro import measure_parts
from bench.race import Race
from bench.running import BenchError, Ground
from bench.track import Load, make_load


def measure_whole(
    ground: Ground, contenders: Sequence[Contender], rounds: int, requests: int, requests_few: int
) -> dict[str, Any]:
    """Return rates, ratios and processor time; each round begins with another contender.

    A peer that fails leaves the race, and the report says why.
    """
    loads = {False: make_load(requests), True: make_load(requests_few)}
    track = ground.track
    ground.say("in process ...")
    parts_us = measure_parts(track, loads[False])
    ground.say(f"laying out {requests:,} requests ...")
    track.lay_out(track.requests, loads[False].requests)
    track.lay_out(track.requests_few, loads[True].requests)
    runs, failures = run_all(ground, contenders, loads, rounds)
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


def run_all(
    ground: Ground, contenders: Sequence[Contender], loads: dict[bool, Load], rounds: int
) -> tuple[list[Run], dict[str, str]]:
    """Return the figures of every run, and why contenders left the race."""
    runs: list[Run] = []
    failures: dict[str, str] = {}
    race, total = Race(ground), rounds * len(contenders)
    for turn, (number, contender) in enumerate(take_turns(contenders, rounds), 1):
        if contender.name in failures:
            continue
        try:
            run = race.run(contender, number, loads[contender.few])
        except BenchError as error:
            if contender.name == OURS:
                raise
            failures[contender.name] = str(error)
            ground.say(f"[{turn:>2}/{total}] {contender.name} leaves the race: {error}")
            continue
        runs.append(run)
        ground.say(f"[{turn:>2}/{total}] round {number + 1}  {format_run(run)}")
    return runs, failures


def take_turns(contenders: Sequence[Contender], rounds: int) -> list[tuple[int, Contender]]:
    """Return round and contender of each run; no contender always runs first."""
    turns = []
    for number in range(rounds):
        shift = number % len(contenders)
        turns += [(number, it) for it in (*contenders[shift:], *contenders[:shift])]
    return turns


def format_run(run: Run) -> str:
    """Return one line about one run."""
    cpu = "" if run.cpu_us_per_request is None else f"{run.cpu_us_per_request:7.1f} us CPU"
    note = "" if run.committed else "  NOT ALL COMMITTED"
    return f"{run.contender:<18}{run.per_second:>9,.0f}/s{cpu}{note}"


def _peer_versions(contender: Contender) -> dict[str, str]:
    pins = {line.split("==")[0] for line in _pins(contender)}
    wanted = [name for name in ("quixstreams", "bytewax", "confluent-kafka") if name in pins]
    return find_versions(open_environment(contender.environment), wanted)


def _pins(contender: Contender) -> list[str]:
    text = lock_path(contender.environment or "").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if "==" in line]
