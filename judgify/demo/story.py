"""What the demo says: counts beside the known answers, one failure in words, what to try next."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from agents.llm.prices import load_prices, usd_of_nano
from judgify.demo.milling import Example
from judgify.replay.paste import spell
from judgify.replay.report import describe_counts, describe_latency
from judgify.replay.run import Run
from rules.workflow.compiled import CompiledWorkflow
from runtime.setting_model import STAND_IN_MODEL
from sinks.postgres.run_counts import LlmPart

OPEN = "undetermined"
"""What the rules leave open."""
REAL_MODEL = "gpt-5-mini"
"""By whose price the demo says what its questions would cost."""
NAME_WIDTH = 14
COUNT_WIDTH = 10


class Runs(NamedTuple):
    """The two halves of a demo: what each shows, the other hides."""

    paced: Run
    """At `rate_per_s`: shows how long one request takes."""
    burst: Run
    """As fast as Kafka takes them: shows how many go through in a second."""
    rate_per_s: float

    def outcomes(self) -> Counter[str]:
        """Return how many judgments of the rules have which verdict, or how many have none.

        What an LLM made of an open one is no verdict of theirs.
        """
        found: Counter[str] = Counter()
        for run in (self.paced, self.burst):
            tally = run.tally
            found += tally.by_verdict + tally.by_status
            found.subtract(tally.by_llm)
            found[OPEN] += tally.by_llm.total()
        del found["decided"]
        return +found

    def rules(self) -> Counter[str]:
        """Return how many judgments each rule gave."""
        return self.paced.tally.by_rule + self.burst.tally.by_rule

    def are_as_known(self, example: Example) -> bool:
        """Return whether every reading got the answer that is known for its kind."""
        known = (example.known_outcomes(), example.known_rules())
        return (self.outcomes(), self.rules()) == known


def describe_runs(runs: Runs, example: Example) -> Iterator[str]:
    """Yield counts per verdict and rule beside the known answers, then latency and rate."""
    yield f"{'':<{NAME_WIDTH}}{'judged':>{COUNT_WIDTH}}{'known':>{COUNT_WIDTH}}"
    yield from _compare(runs.outcomes(), example.known_outcomes())
    yield ""
    yield from _compare(runs.rules(), example.known_rules())
    yield ""
    judged = runs.paced.tally.finished + runs.burst.tally.finished
    yield f"{judged:,} judged in {runs.paced.seconds + runs.burst.seconds:.1f} s"
    latency = describe_latency(runs.paced.tally.latencies_ms)
    if latency is not None:
        yield (
            f"  {runs.paced.tally.finished:,} at {runs.rate_per_s:,.0f} per second: {latency} "
            "from request to result, by Kafka's clock"
        )
    if runs.burst.tally.finished:
        rate = runs.burst.tally.finished / max(runs.burst.seconds, 1e-9)
        yield f"  {runs.burst.tally.finished:,} all at once: {rate:,.0f} per second"


def describe_stored(stored: Mapping[str, int]) -> str:
    """Return what SQL counts."""
    count = sum(stored.values())
    return f"{count:,} stored in PostgreSQL; SQL counts {describe_counts(Counter(stored))}"


def describe_llm(part: LlmPart) -> Iterator[str]:
    """Yield who answered what the rules left open, what it cost, and how to ask a real model."""
    asked = part.answered + part.unanswered
    if part.model is None:
        if asked:
            yield f"{asked:,} left open by the rules, and no LLM answered: `judgify llm check`"
        return
    stand_in = part.model == STAND_IN_MODEL
    who = f"{part.model}, a stand-in and no model" if stand_in else part.model
    rest = f", {part.unanswered:,} not answered" if part.unanswered else ""
    yield f"{asked:,} left open by the rules: {part.answered:,} answered by {who}{rest}"
    tokens = f"{part.tokens_in + part.tokens_out:,} tokens"
    if not stand_in:
        yield f"  {tokens}, {part.cost_usd:,.2f} US dollars"
        return
    nano_usd = load_prices().cost_nano_usd(REAL_MODEL, part.tokens_in, part.tokens_out)
    yield f"  {tokens}: about {usd_of_nano(nano_usd):,.2f} US dollars with {REAL_MODEL}"
    yield "  to ask a model: set OPENAI_API_KEY and OPENAI_MODEL, then `judgify llm check`"


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
