"""The part `latency`: from the moment a request is due to its result in an observer's hand.

Open loop: requests are sent on a schedule that does not wait for results, and a latency begins when
the request was due, so a contender that stands still is charged for all that pile up meanwhile.
"""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any, Final

import psutil

from bench.arrivals import Arrival, Receiver
from bench.contenders import OURS, Contender
from bench.load_generator import Schedule, make_requests
from bench.observing import Observer
from bench.running import (
    ROOT,
    BenchError,
    Ground,
    Running,
    listening_for_noise,
    start_contender,
)
from bench.turns import run_turns

WARM_UP: Final = 200
"""Requests by which a contender shows that it has joined and is warm, before anything counts."""
JOIN_TIMEOUT_S: Final = 90.0
TRAIL_TIMEOUT_S: Final = 15.0
LEAD_S: Final = 0.3
"""From telling the sender when to start to its first request."""
LOOK_S: Final = 0.1
UNCOUNTED_S: Final = 1.0
"""Of each phase, while rates change."""
QUANTILES: Final = {"p50": 0.5, "p90": 0.9, "p99": 0.99}

Figures = dict[str, Any]


def measure_latency(
    ground: Ground,
    contenders: Sequence[Contender],
    rounds: int,
    rates: Sequence[int],
    seconds: float,
) -> dict[str, Any]:
    """Return quantiles of latency and the share of a core used, per contender and rate."""
    runs: dict[str, list[Figures]] = {}

    def run(contender: Contender, number: int) -> Iterator[str]:
        for rate, figures in _run(ground, contender, number, rates, seconds).items():
            runs.setdefault(f"{contender.name} at {rate}", []).append(figures)
            yield f"{rate:>6,}/s  {format_figures(figures)}"

    failures = run_turns(ground, contenders, rounds, run)
    names = [it.name for it in contenders if it.name not in failures]
    rated = {
        str(rate): {name: summarize(runs[f"{name} at {rate}"]) for name in names} for rate in rates
    }
    return {
        "what": "latency in ms from the time a request was due to its result at an observer, and "
        "between the broker's timestamps of both; open loop",
        "settings": {"rounds": rounds, "seconds_per_rate": seconds, "uncounted_s": UNCOUNTED_S},
        "failed": failures,
        "rates": rated,
        "ratios": {rate: _ratios(summaries) for rate, summaries in rated.items()},
    }


def _run(
    ground: Ground, contender: Contender, number: int, rates: Sequence[int], seconds: float
) -> dict[int, Figures]:
    """Return the figures of one start of a contender, for each rate in turn."""
    track, name = ground.track, f"{contender.name}-{number}"
    track.skip_to_end(contender.group(track, name), track.requests)
    sender = Sender(ground, name, rates, seconds + UNCOUNTED_S)
    running = start_contender(ground, contender, name, ground.cores.contender)
    try:
        _warm_up(ground, running, name)
        sender.await_ready()
        return {rate: _phase(ground, running, sender, rate) for rate in rates}
    finally:
        running.stop()
        sender.stop()


class Sender:
    """The load generator: a process of its own, on the core of the broker or one to spare."""

    def __init__(
        self,
        ground: Ground,
        tag: str,
        rates: Sequence[int],
        seconds: float,
        options: Sequence[str] = (),
    ) -> None:
        self._tag = tag
        self._seconds = seconds
        command = [sys.executable, "-m", "bench.load_generator", "--topic", ground.track.requests]
        command += ["--bootstrap", ground.track.bootstrap, "--tag", tag]
        command += ["--seconds", str(seconds), *options]
        command += [part for rate in rates for part in ("--rate", str(rate))]
        pipe = subprocess.PIPE
        self.process = psutil.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT)

    def await_ready(self) -> None:
        """Return when every request is made and the broker is known."""
        self._read()

    def begin(self, per_second: int) -> Schedule:
        """Start the next phase a moment from now, and return its schedule."""
        start_s = time.monotonic() + LEAD_S
        print(repr(start_s), file=self.process.stdin, flush=True)
        return Schedule(f"{self._tag}-{per_second}", per_second, start_s, self._seconds)

    def end(self) -> float:
        """Return the longest delay of the phase in ms; all its requests are acknowledged."""
        return float(self._read())

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()

    def _read(self) -> str:
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line:
            raise BenchError(f"the load generator ended with {self.process.wait()}")
        return line


def _warm_up(ground: Ground, running: Running, name: str) -> None:
    """Return when the contender has joined and answers."""
    schedule = Schedule(f"{name}-warm", WARM_UP, 0.0, 1.0)
    lay_out_and_wait(ground, running, make_requests(schedule), WARM_UP)


def lay_out_and_wait(
    ground: Ground, running: Running, requests: Sequence[tuple[bytes, bytes]], results: int
) -> None:
    """Return when so many results have come of `requests`.

    Raises:
        BenchError: they did not come.
    """
    track = ground.track
    observer = Observer(track.bootstrap, track.results, track.partitions)
    before, deadline_s = sum(observer.ends()), time.monotonic() + JOIN_TIMEOUT_S
    track.lay_out(track.requests, requests)
    while sum(observer.ends()) - before < results:
        running.require_alive()
        if time.monotonic() > deadline_s:
            raise BenchError("it did not begin", running.told())
        time.sleep(LOOK_S)


def _phase(ground: Ground, running: Running, sender: Sender, per_second: int) -> Figures:
    track = ground.track
    ends = Observer(track.bootstrap, track.results, track.partitions).ends()
    receiver = Receiver(track.bootstrap, track.results, ends)
    schedule = sender.begin(per_second)
    counted_from_s = schedule.start_s + UNCOUNTED_S
    while time.monotonic() < counted_from_s:
        receiver.receive()
    with listening_for_noise(ground, [running.process, sender.process]):
        cpu_s, from_s = running.cpu_s(), time.monotonic()
        deadline_s = schedule.start_s + schedule.seconds + TRAIL_TIMEOUT_S
        while receiver.count < schedule.count and time.monotonic() < deadline_s:
            receiver.receive()
        cpu_share = (running.cpu_s() - cpu_s) / (time.monotonic() - from_s)
    running.require_alive()
    late_ms = sender.end()
    return figures_of(schedule, receiver.close(), UNCOUNTED_S) | {
        "cpu_share": round(cpu_share, 3),
        "sender_late_ms_max": late_ms,
    }


def figures_of(
    schedule: Schedule, arrivals: Sequence[Arrival], uncounted_s: float
) -> dict[str, Any]:
    """Return the quantiles of the requests due after `uncounted_s` (pure).

    Raises:
        BenchError: a result is missing, or came twice.
    """
    by_id = {arrival.request_id: arrival for arrival in arrivals}
    wanted = [schedule.request_id(number) for number in range(schedule.count)]
    missing = sum(request_id not in by_id for request_id in wanted)
    if missing or len(arrivals) != schedule.count:
        raise BenchError(
            f"{schedule.tag}: {len(arrivals)} results of {schedule.count} requests, "
            f"{missing} are missing"
        )
    counted = range(int(uncounted_s * schedule.per_second), schedule.count)
    ms = [(by_id[wanted[n]].arrived_s - schedule.due_s(n)) * 1_000 for n in counted]
    broker_ms = [by_id[wanted[n]].resulted_ms - by_id[wanted[n]].requested_ms for n in counted]
    return {"due_to_observer_ms": quantiles(ms), "broker_to_broker_ms": quantiles(broker_ms)}


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """Return the named quantiles (nearest rank) and the largest value; at least one value."""
    ordered = sorted(values)
    last = len(ordered) - 1
    named = {name: ordered[round(q * last)] for name, q in QUANTILES.items()}
    return {name: round(value, 2) for name, value in (named | {"max": ordered[-1]}).items()}


def summarize(runs: Sequence[Figures]) -> Figures:
    """Return medians over the rounds, each round's p50 and p99, and the largest of all."""
    return {
        kind: {name: round(median(run[kind][name] for run in runs), 2) for name in QUANTILES}
        | {"max": max(run[kind]["max"] for run in runs)}
        | {f"{name}_by_round": [run[kind][name] for run in runs] for name in ("p50", "p99")}
        for kind in ("due_to_observer_ms", "broker_to_broker_ms")
    } | {
        "cpu_share": round(median(run["cpu_share"] for run in runs), 3),
        "sender_late_ms_max": max(run["sender_late_ms_max"] for run in runs),
    }


def _ratios(summaries: Mapping[str, Figures]) -> dict[str, dict[str, float]]:
    """Return our quantiles over each peer's, the median over the rounds."""
    ours = summaries.get(OURS)
    if ours is None:
        return {}
    return {
        name: {
            quantile: round(
                median(
                    mine / theirs
                    for mine, theirs in zip(
                        ours["due_to_observer_ms"][f"{quantile}_by_round"],
                        peer["due_to_observer_ms"][f"{quantile}_by_round"],
                        strict=True,
                    )
                ),
                2,
            )
            for quantile in ("p50", "p99")
        }
        for name, peer in summaries.items()
        if name != OURS
    }


def format_figures(figures: Figures) -> str:
    """Return one line about one phase."""
    ms = figures["due_to_observer_ms"]
    told = "  ".join(f"{name} {ms[name]:7.1f}" for name in (*QUANTILES, "max"))
    return f"{told} ms  {figures['cpu_share']:.0%} of a core"
