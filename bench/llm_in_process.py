"""A whole answer of llm-agent, in process, beside the bare SDK asked the same, taking turns.

Everything of the lane but the stream: decode, rules, question, prompt, signs of injection, cache,
breaker, limits, call, check, encode. The cache finds nothing: no two events are equal.
"""

import asyncio
import gc
import time
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, Final, NamedTuple

from bench.cores import staying_on
from bench.llm_lane import Surroundings, open_surroundings
from bench.llm_ways import CREATE, OURS, PARSE, Case, Way, make_cases, open_ways
from bench.peers.judging import tune_collector
from bench.running import Ground, listening_for_noise

WARM_UP: Final = 20
AT_A_TIME: Final = 16
"""As llm-agent asks by default."""


class Took(NamedTuple):
    """One way in one round."""

    ms: Sequence[float]
    """Of each call, one at a time."""
    cpu_s: float
    """Of all these together."""
    many: int
    """Calls that were made `AT_A_TIME` at a time besides."""
    many_s: float
    many_cpu_s: float


def measure_in_process(ground: Ground, calls: int, rounds: int) -> dict[str, Any]:
    """Return what `calls` calls take each way, in each of the rounds.

    Raises:
        BenchError: an answer was none, or came out of the cache.
    """
    with (
        open_surroundings(ground.cores.broker) as around,
        staying_on(ground.cores.contender),
        listening_for_noise(ground, around.processes()),
    ):
        taken = asyncio.run(_measure(ground, around, calls, rounds))
    return summarize(taken)


async def _measure(
    ground: Ground, around: Surroundings, calls: int, rounds: int
) -> list[dict[str, Took]]:
    workflow = ground.track.workflow
    async with open_ways(ground, around) as ways:
        taken = []
        for number in range(rounds):
            ground.show(f"in process, round {number + 1}")
            cases = {
                name: make_cases(workflow, f"{ground.track.prefix}{number}-{place}", 2 * calls)
                for place, name in enumerate(ways)
            }
            tune_collector()
            taken.append(await take_round(ways, cases, shift=number))
            gc.unfreeze()
            ground.say(f"in process, round {number + 1}  {format_round(taken[-1])}")
        return taken


async def take_round(
    ways: Mapping[str, Way], cases: Mapping[str, Sequence[Case]], shift: int
) -> dict[str, Took]:
    """Let every way answer its cases: half of them one at a time in turns, then the rest at once.

    The first calls count nowhere; `shift` says who begins.
    """
    names = [*ways][shift % len(ways) :] + [*ways][: shift % len(ways)]
    calls = len(cases[names[0]]) // 2
    warm_up = min(WARM_UP, calls // 2)
    ms: dict[str, list[float]] = {name: [] for name in names}
    cpu_s = dict.fromkeys(names, 0.0)
    for number in range(calls):
        for name in names:
            started_s, before_s = time.perf_counter(), time.process_time()
            await ways[name](cases[name][number])
            if number >= warm_up:
                ms[name].append((time.perf_counter() - started_s) * 1_000)
                cpu_s[name] += time.process_time() - before_s
    many = {name: await _ask_many(ways[name], cases[name][calls:]) for name in names}
    return {name: Took(ms[name], cpu_s[name], *many[name]) for name in ways}


async def _ask_many(way: Way, cases: Sequence[Case]) -> tuple[int, float, float]:
    """Return how many, in how many seconds, and in how many of processor time."""
    waiting = iter(cases)

    async def work() -> None:
        for case in waiting:
            await way(case)

    started_s, before_s = time.perf_counter(), time.process_time()
    await asyncio.gather(*(work() for _ in range(AT_A_TIME)))
    return len(cases), time.perf_counter() - started_s, time.process_time() - before_s


def summarize(taken: Sequence[Mapping[str, Took]]) -> dict[str, Any]:
    """Return medians over the rounds, each round's figures, and what ours takes beyond the SDK."""
    return {
        "ways": {name: _summarize_way([it[name] for it in taken]) for name in taken[0]},
        "beyond_ms_p50": {
            ours: {
                peer: [round(_beyond_ms(it[ours], it[peer]), 3) for it in taken]
                for peer in (PARSE, CREATE)
            }
            for ours in OURS
        },
    }


def _summarize_way(taken: Sequence[Took]) -> dict[str, Any]:
    each: dict[str, list[float]] = {
        "ms_p50": [round(median(it.ms), 2) for it in taken],
        "cpu_ms": [round(it.cpu_s / len(it.ms) * 1_000, 2) for it in taken],
        "per_second": [round(it.many / it.many_s) for it in taken],
        "per_core": [round(it.many / it.many_cpu_s) for it in taken],
    }
    return {f"{name}_median": round(median(values), 2) for name, values in each.items()} | each


def _beyond_ms(ours: Took, theirs: Took) -> float:
    """Return the median of the differences between calls that followed each other."""
    return median(mine - other for mine, other in zip(ours.ms, theirs.ms, strict=True))


def format_round(taken: Mapping[str, Took]) -> str:
    """Return one line about one round."""
    return ", ".join(f"{name} {median(it.ms):.2f} ms" for name, it in taken.items())
