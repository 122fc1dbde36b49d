"""The part `scaling`: one worker and two of the same group over the same requests.

Requests are sent when every worker has its partitions. Workers are pinned only where each can have
a core beside the broker's; else nobody is, for one worker as for two. Counted is the later half of
a run but its end, when the sender is done and no partition is.
"""

import time
from collections.abc import Sequence
from statistics import median
from typing import Any, Final

from bench.contenders import Contender
from bench.cores import spare_cores
from bench.figures import middle_rate
from bench.observing import Observer
from bench.race import LOOK_INTERVAL_S, SILENCE_S_MAX
from bench.running import BenchError, Ground, Running, listening_for_noise, start_contender
from bench.track import Load, make_load

WORKERS: Final = (1, 2)
MIDDLE: Final = (0.5, 0.9)
"""Shares of the results between which is counted."""
JOIN_TIMEOUT_S: Final = 60.0

Figures = dict[str, Any]


def measure_scaling(
    ground: Ground, contenders: Sequence[Contender], rounds: int, requests: int
) -> dict[str, Any]:
    """Return rates with one and two workers, and their ratio, median over the rounds."""
    load = make_load(requests)
    found: dict[str, dict[int, list[Figures]]] = {it.name: {1: [], 2: []} for it in contenders}
    for number in range(rounds):
        for contender in contenders:
            for workers in WORKERS[:: -1 if number % 2 else 1]:
                figures = _run(ground, contender, number, workers, load)
                found[contender.name][workers].append(figures)
                rate, cpu = figures["per_second"], figures["worker_cores"]
                ground.say(
                    f"round {number + 1}  {contender.name:<16}{workers} workers {rate:>9,.0f}/s  "
                    f"workers {cpu:.2f}, broker {figures['broker_cores'] or 0:.2f} cores"
                )
    return {
        "what": "rate with one worker and with two of the same group",
        "settings": {
            "rounds": rounds,
            "requests": requests,
            "partitions": ground.track.partitions,
            "pinned": spare_cores(WORKERS[-1]) is not None,
        },
        "contenders": {
            name: {str(workers): _summarize(runs) for workers, runs in by_workers.items()}
            | {"two_over_one": _ratio(by_workers)}
            for name, by_workers in found.items()
        },
    }


def _run(ground: Ground, contender: Contender, number: int, workers: int, load: Load) -> Figures:
    total, track, name = len(load.requests), ground.track, f"{contender.name}-{number}-of-{workers}"
    group = contender.group(track, name)
    observer = Observer(track.bootstrap, track.results, track.partitions)
    track.skip_to_end(group, track.requests)
    starts = observer.ends()
    cores: Sequence[int | None] = spare_cores(WORKERS[-1]) or [None] * workers
    running: list[Running] = []
    try:
        for index in range(workers):
            run = f"{name}-{index}"
            running.append(start_contender(ground, contender, run, cores[index], group))
        _await_members(observer, group, running)
        track.lay_out(track.requests, load.requests)
        with listening_for_noise(ground, [it.process for it in running]):
            spent = _watch(ground, running, observer, sum(starts), total)
    finally:
        for worker in running:
            worker.stop()
    records = observer.read(starts)
    if len({judgment_id for _, judgment_id, _ in records}) != total:
        raise BenchError(f"{name}: not every request has a result")
    return {"per_second": middle_rate([time_ms for time_ms, _, _ in records], *MIDDLE), **spent}


def _await_members(observer: Observer, group: str, running: Sequence[Running]) -> None:
    """Return when every worker has partitions, and together they have them all."""
    deadline_s = time.monotonic() + JOIN_TIMEOUT_S
    while True:
        counts = observer.assigned(group)
        if len(counts) == len(running) and all(counts) and sum(counts) >= observer.partitions:
            return
        for worker in running:
            worker.require_alive()
        if time.monotonic() > deadline_s:
            raise BenchError(f"workers did not share the partitions: {counts}")
        time.sleep(LOOK_INTERVAL_S)


def _watch(
    ground: Ground, running: Sequence[Running], observer: Observer, before: int, total: int
) -> Figures:
    """Return the cores used in the middle of the run, when every worker must be at work."""
    done, moved_at_s = 0, time.monotonic()
    begun: tuple[float, float, list[float]] | None = None
    ended = begun
    while done < total:
        time.sleep(LOOK_INTERVAL_S)
        for worker in running:
            worker.require_alive()
        now = max(0, sum(observer.ends()) - before)
        if now > done:
            done, moved_at_s = now, time.monotonic()
        elif time.monotonic() - moved_at_s > SILENCE_S_MAX:
            raise BenchError(f"stuck at {done} of {total}", running[0].told())
        look = (time.monotonic(), _broker_s(ground), [worker.cpu_s() for worker in running])
        if done > total * MIDDLE[0]:
            begun = begun or look
        if done < total * MIDDLE[1]:
            ended = look
        ground.show(f"{done:>9,} of {total:,}")
    if begun is None or ended is None or ended[0] <= begun[0]:
        return {"worker_cores": 0.0, "broker_cores": None, "least_worker_cores": None}
    seconds = ended[0] - begun[0]
    used = [(end - start) / seconds for start, end in zip(begun[2], ended[2], strict=True)]
    broker = (ended[1] - begun[1]) / seconds
    return {
        "worker_cores": round(sum(used), 2),
        "least_worker_cores": round(min(used), 2),
        "broker_cores": round(broker, 2) if ground.broker is not None else None,
    }


def _broker_s(ground: Ground) -> float:
    if ground.broker is None:
        return 0.0
    times = ground.broker.cpu_times()
    return float(times.user) + float(times.system)


def _summarize(runs: Sequence[Figures]) -> Figures:
    return {
        "per_second_median": round(median(run["per_second"] for run in runs)),
        "per_second": [round(run["per_second"]) for run in runs],
        **{
            name: [run[name] for run in runs]
            for name in ("worker_cores", "least_worker_cores", "broker_cores")
        },
    }


def _ratio(by_workers: dict[int, list[Figures]]) -> float:
    pairs = zip(by_workers[2], by_workers[1], strict=True)
    ratios: list[float] = [two["per_second"] / one["per_second"] for two, one in pairs]
    return round(median(ratios), 2)
