"""Figures of runs: rates by the broker's timestamps, medians over rounds, ratios (pure)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import linear_regression, median
from typing import Any

Answer = tuple[str, str | None, str | None]
"""Status, verdict and rule of a judgment."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What one run left in the results topic."""

    first_ms: int
    """The broker's time of the first result."""
    last_ms: int
    """The broker's time of the last result."""
    after_first: int
    """Results that the broker appended after `first_ms`."""
    records: int
    distinct: int
    """Different judgment ids among them."""
    counts: Mapping[Answer, int]

    @property
    def per_second(self) -> float:
        """Return the rate from the first result to the last.

        What came with the first result is not counted: when its work began is not known.
        """
        elapsed_ms = self.last_ms - self.first_ms
        return self.after_first * 1_000 / elapsed_ms if elapsed_ms > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at a running contender."""

    results: int
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Run:
    """One contender in one round."""

    contender: str
    round: int
    requests: int
    per_second: float
    cpu_us_per_request: float | None
    rss_mib_max: float
    committed: bool
    load_average: float
    """Of the machine, one minute, before the run."""


def summarize_answers(records: Sequence[tuple[int, str, Answer]]) -> Answers:
    """Return what `records` (broker time in ms, judgment id, answer) amount to; at least one."""
    times = [time_ms for time_ms, _, _ in records]
    first_ms = min(times)
    return Answers(
        first_ms=first_ms,
        last_ms=max(times),
        after_first=sum(time_ms > first_ms for time_ms in times),
        records=len(records),
        distinct=len({judgment_id for _, judgment_id, _ in records}),
        counts=Counter(answer for _, _, answer in records),
    )


def middle_rate(times_ms: Sequence[int], begin: float, end: float) -> float:
    """Return results per second between the shares `begin` and `end` of all, by broker time."""
    ordered = sorted(times_ms)
    first, last = int(len(ordered) * begin), int((len(ordered) - 1) * end)
    elapsed_ms = ordered[last] - ordered[first]
    return (last - first) * 1_000 / elapsed_ms if elapsed_ms > 0 else 0.0


def slope_per_hour(seconds: Sequence[float], values: Sequence[float]) -> float | None:
    """Return by how much `values` grow per hour (least squares); None for less than two."""
    if len(values) < 2:
        return None
    return round(linear_regression(seconds, values).slope * 3_600, 1)


def cpu_us_per_request(samples: Sequence[Sample], requests: int) -> float | None:
    """Return the processor time per request between the first and the last look in mid-run.

    Looks before the first result and after the last are left out: starting and idling are not
    judging. None when the run was too short for two looks.
    """
    middle = [sample for sample in samples if 0 < sample.results < requests]
    if len(middle) < 2 or middle[-1].results == middle[0].results:
        return None
    spent_s = middle[-1].cpu_s - middle[0].cpu_s
    return spent_s / (middle[-1].results - middle[0].results) * 1_000_000


def summarize_contender(runs: Sequence[Run]) -> dict[str, Any]:
    """Return the medians of one contender's runs, and each run's rate; at least one run."""
    cpu_us = [run.cpu_us_per_request for run in runs if run.cpu_us_per_request is not None]
    return {
        "requests": runs[0].requests,
        "per_second_median": round(median(run.per_second for run in runs)),
        "per_second": [round(run.per_second) for run in runs],
        "cpu_us_per_request_median": round(median(cpu_us), 2) if cpu_us else None,
        "rss_mib_max": round(max(run.rss_mib_max for run in runs), 1),
        "committed_all": all(run.committed for run in runs),
        "load_average_before": [round(run.load_average, 2) for run in runs],
    }


def ratio_by_round(runs: Sequence[Run], ours: str, theirs: str) -> float | None:
    """Return the median over the rounds of our rate over theirs in the same round.

    Pairs of one round share the machine's mood; a machine that slows down slows both.
    """
    rates = {(run.contender, run.round): run.per_second for run in runs}
    ratios = [
        rate / rates[theirs, number]
        for (contender, number), rate in rates.items()
        if contender == ours and rates.get((theirs, number))
    ]
    return round(median(ratios), 3) if ratios else None
