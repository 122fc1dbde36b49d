"""What the demo says: counts beside the known answers, one failure in words, what to try next."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from judgify.demo.milling import Example
from judgify.replay.paste import spell
from judgify.replay.report import describe_counts, describe_latency
from judgify.replay.run import Run
from rules.workflow.compiled import CompiledWorkflow

NAME_WIDTH = 14
COUNT_WIDTH = 10


def describe_run(run: Run, example: Example) -> Iterator[str]:
    """Yield counts per verdict and rule beside the known answers, rate and latency."""
    tally = run.tally
    yield f"{'':<{NAME_WIDTH}}{'judged':>{COUNT_WIDTH}}{'known':>{COUNT_WIDTH}}"
    yield from _compare(find_outcomes(run), example.known_outcomes())
    yield ""
    yield from _compare(tally.by_rule, example.known_rules())
    yield ""
    yield (
        f"{tally.finished:,} judged in {run.seconds:.1f} s, "
        f"{tally.finished / max(run.seconds, 1e-9):,.0f} per second"
    )
    if (latency := describe_latency(tally.latencies_ms)) is not None:
        yield f"from request to result by Kafka's clock: {latency}, all sent at once"


def find_outcomes(run: Run) -> Counter[str]:
    """Return how many judgments have which verdict, or status without one."""
    without = Counter(run.tally.by_status)
    del without["decided"]
    return run.tally.by_verdict + without


def is_as_known(run: Run, example: Example) -> bool:
    """Return whether every reading got the answer that is known for its kind."""
    outcomes, rules = example.known_outcomes(), example.known_rules()
    return find_outcomes(run) == outcomes and run.tally.by_rule == rules


def describe_stored(stored: Mapping[str, int]) -> str:
    """Return what SQL counts."""
    count = sum(stored.values())
    return f"{count:,} stored in PostgreSQL; SQL counts {describe_counts(Counter(stored))}"


def describe_failure(row: Mapping[str, Any], workflow: CompiledWorkflow) -> Iterator[str]:
    """Yield why one machine fails, in plain words."""
    yield f"Why machine {row['Product ID']} fails:"
    for line in workflow.explain(row).lines():
        yield f"  {line}"


def describe_next(commands: Iterable[Sequence[str]], data_dir: Path) -> Iterator[str]:
    """Yield commands to try; each works as it is printed."""
    for words in commands:
        yield f"  {spell(*words, data_dir=data_dir)}"


def _compare(found: Mapping[str, int], known: Mapping[str, int]) -> Iterator[str]:
    names = sorted({*found, *known}, key=lambda name: (-known.get(name, 0), name))
    for name in names:
        judged, expected = found.get(name, 0), known.get(name, 0)
        mark = "" if judged == expected else "   differs"
        yield f"{name:<{NAME_WIDTH}}{judged:>{COUNT_WIDTH},}{expected:>{COUNT_WIDTH},}{mark}"
