"""The report of a replay: one JSON object, or the same in words."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from judgify.replay.outcomes import Buried, Position, join_ranges
from judgify.replay.run import Run
from judgify.replay.tally import percentile

RANGES_MAX = 10
"""Ranges of missing requests, and kinds of burials, that are spelled out."""


def make_summary(run: Run, duplicates: int | None, *, waited: bool) -> dict[str, Any]:
    """Return what `--json` prints; null stands for what this run cannot know."""
    tally = run.tally
    return {
        "requests": tally.requests,
        "judgments": tally.judgments if waited else None,
        "duplicates": duplicates,
        "by_status": _ranked(tally.by_status) if waited else None,
        "by_verdict": _ranked(tally.by_verdict) if waited else None,
        "by_rule": _ranked(tally.by_rule) if waited else None,
        "dead_letters": tally.dead_letters if waited else None,
        "seconds": round(run.seconds, 3),
    }


def describe(run: Run, duplicates: int | None, *, waited: bool) -> Iterator[str]:
    """Yield the report line by line, for people."""
    tally = run.tally
    yield f"sent          {tally.requests:,} in {_pace(tally.requests, run.sending_s)}"
    if not waited:
        return
    yield f"judged        {tally.finished:,} in {_pace(tally.finished, run.seconds)}"
    if (latency := describe_latency(tally.latencies_ms)) is not None:
        yield f"latency       {latency}, from the broker's time of the request to the result's"
    for name, counts in (
        ("by status", tally.by_status),
        ("by verdict", tally.by_verdict),
        ("by rule", tally.by_rule),
    ):
        if counts:
            yield f"{name:<14}{describe_counts(counts)}"
    yield f"judgments     {tally.judgments:,} distinct{_describe_duplicates(duplicates)}"
    yield f"dead letters  {tally.dead_letters:,}"
    for reason, count in count_burials(tally.burials).most_common(RANGES_MAX):
        yield f"              {count:,} {reason}"


def describe_counts(counts: Counter[str]) -> str:
    """Return `ok 8,992 · fail 287`, the most frequent first."""
    return " · ".join(f"{name} {count:,}" for name, count in counts.most_common())


def describe_latency(latencies_ms: Sequence[int]) -> str | None:
    """Return `p50 12 ms · p99 80 ms`; None when nothing was judged."""
    p50, p99 = percentile(latencies_ms, 0.5), percentile(latencies_ms, 0.99)
    return None if p50 is None else f"p50 {p50:,} ms · p99 {p99:,} ms"


def describe_missing(missing: Sequence[Position], topic: str) -> str:
    """Return where requests without an outcome stand: `requests.v1/3 offsets 7-9, 12`."""
    ranges = list(islice(join_ranges(missing), RANGES_MAX + 1))
    texts = [
        f"{topic}/{partition} {first}" + (f"-{last}" if last > first else "")
        for partition, first, last in ranges[:RANGES_MAX]
    ]
    return ", ".join(texts) + (", …" if len(ranges) > RANGES_MAX else "")


def count_burials(burials: Iterable[Buried]) -> Counter[str]:
    """Return how often each agent buried for each reason."""
    return Counter(f"buried by {burial.agent}: {burial.code}" for burial in burials)


def _ranked(counts: Counter[str]) -> dict[str, int]:
    return dict(counts.most_common())


def _pace(count: int, seconds: float) -> str:
    rate = f" ({count / seconds:,.0f}/s)" if seconds > 0 else ""
    return f"{seconds:,.1f} s{rate}"


def _describe_duplicates(duplicates: int | None) -> str:
    if duplicates is None:
        return ""
    return f"; {duplicates:,} requests were duplicates of stored judgments"
