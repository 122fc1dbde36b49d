"""The part `guarantee`: what is committed, and what is there, after a kill in mid-run.

A position that moved past a record without a result is a record lost. Results past the position are
made again by whoever takes over: the price of at-least-once.
"""

import time
from collections.abc import Iterable, Sequence
from random import Random
from typing import Any, Final

from bench.contenders import Contender
from bench.observing import Observer
from bench.race import LOOK_INTERVAL_S, SILENCE_S_MAX, read_positions
from bench.running import BenchError, Ground, start_contender
from bench.track import make_load
from bench.turns import run_turns

SEED: Final = 20_261_121
KILL_AFTER_S: Final = (0.8, 2.5)
"""From the first result: on a quiet machine enough for a first commit, not enough for the end."""
SLOW_FACTOR: Final = 2.5
"""Plain Faust commits every 2.8 s."""

Place = tuple[int, int]
"""Partition and offset of a request."""


def measure_guarantee(
    ground: Ground, contenders: Sequence[Contender], kills: int, requests: int, requests_few: int
) -> dict[str, Any]:
    """Return, per contender, records lost and results to be made again, of each kill."""
    ground.track.lay_out(ground.track.requests, make_load(requests).requests)
    ground.track.lay_out(ground.track.requests_few, make_load(requests_few).requests)
    random, found = Random(SEED), dict[str, list[dict[str, int]]]()

    def run(contender: Contender, number: int) -> list[str]:
        after_s = random.uniform(*KILL_AFTER_S) * (SLOW_FACTOR if contender.few else 1)
        kill = _kill(ground, contender, f"{contender.name}-{number}", after_s)
        found.setdefault(contender.name, []).append(kill)
        told = (
            f"{kill['results']:>9,} results, {kill['committed']:>9,} committed, "
            f"{kill['lost']} lost, {kill['again']:,} again"
        )
        return [told]

    failures = run_turns(ground, contenders, kills, run)
    return {
        "what": "records committed without a result, and results to be made again, after kill -9 "
        "in mid-run",
        "settings": {"kills": kills, "seed": SEED, "kill_after_s": KILL_AFTER_S},
        "failed": failures,
        "contenders": {name: runs for name, runs in found.items() if name not in failures},
    }


def _kill(ground: Ground, contender: Contender, name: str, after_s: float) -> dict[str, int]:
    track = ground.track
    observer = Observer(track.bootstrap, track.results, track.partitions)
    track.forget(contender.group(track, name))
    starts = observer.ends()
    running = start_contender(ground, contender, name, ground.cores.contender)
    try:
        deadline_s = time.monotonic() + SILENCE_S_MAX
        while sum(observer.ends()) == sum(starts):
            running.require_alive()
            if time.monotonic() > deadline_s:
                raise BenchError("it did not begin", running.told())
            time.sleep(LOOK_INTERVAL_S)
        time.sleep(after_s)
        running.require_alive()
    finally:
        running.process.kill()
        running.process.wait()
    positions = read_positions(ground, contender, name, observer)
    return compare(positions, observer.read_origins(starts))


def compare(positions: Sequence[int], origins: Iterable[Place]) -> dict[str, int]:
    """Return what positions and results amount to (pure)."""
    there = set(origins)
    return {
        "results": len(there),
        "committed": sum(positions),
        "lost": sum(
            (partition, offset) not in there
            for partition, position in enumerate(positions)
            for offset in range(position)
        ),
        "again": sum(
            partition >= len(positions) or offset >= positions[partition]
            for partition, offset in there
        ),
    }
