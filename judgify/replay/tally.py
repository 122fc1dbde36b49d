"""The tally of a run: which requests have an outcome, and how many of each kind (pure)."""

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence

from judgify.replay.outcomes import Buried, Judged, Outcome, Position

STRANGERS_MAX = 20_000
"""Outcomes held while their request may yet turn out to be ours; `is_crowded` beyond that.

A result can be read before the producer has told us where its request stands. More than the
producer may have in flight (sending.IN_FLIGHT_MAX) cannot be such early ones.
"""


class Tally:
    """Matches outcomes with the requests that were sent, by partition and offset.

    Memory grows with the run: about 250 bytes per request, until its judgment id is all that is
    left of it.
    """

    def __init__(self) -> None:
        self.by_status: Counter[str] = Counter()
        self.by_verdict: Counter[str] = Counter()
        self.by_rule: Counter[str] = Counter()
        self.by_llm: Counter[str] = Counter()
        """The verdicts of LLMs, which `by_verdict` counts too."""
        self.latencies_ms = array("q")
        self.result_ends: dict[int, int] = {}
        """Per partition of the results topic: the offset behind our last result."""
        self.dead_letter_ends: dict[int, int] = {}
        """Per partition of the dead-letter topic: the offset behind our last burial."""
        self._sent: dict[Position, int] = {}
        self._open: set[Position] = set()
        self._buried: dict[Position, Buried] = {}
        self._judgment_ids: set[str] = set()
        self._strangers: dict[Position, list[Outcome]] = {}
        self._strangers_count = 0

    @property
    def requests(self) -> int:
        """Return how many requests the broker has acknowledged."""
        return len(self._sent)

    @property
    def judgments(self) -> int:
        """Return how many distinct judgments there are."""
        return len(self._judgment_ids)

    @property
    def dead_letters(self) -> int:
        """Return how many requests have a dead letter."""
        return len(self._buried)

    @property
    def finished(self) -> int:
        """Return how many requests have an outcome."""
        return len(self._sent) - len(self._open)

    @property
    def is_crowded(self) -> bool:
        """Return whether outcomes of others fill the room kept for early ones."""
        return self._strangers_count >= STRANGERS_MAX

    @property
    def burials(self) -> Iterable[Buried]:
        """Return the first dead letter of each buried request."""
        return self._buried.values()

    def missing(self) -> Sequence[Position]:
        """Return the requests without an outcome, in the order of the log."""
        return sorted(self._open)

    def sent(self) -> dict[Position, int]:
        """Return the broker's time (ms since the epoch) of each request, by position."""
        return self._sent

    def add_sent(self, request: Position, timestamp_ms: int) -> None:
        """Record that the broker has acknowledged a request."""
        self._sent[request] = timestamp_ms
        self._open.add(request)
        early = self._strangers.pop(request, ())
        self._strangers_count -= len(early)
        for outcome in early:
            self._count(outcome)

    def add_outcome(self, outcome: Outcome) -> None:
        """Count an outcome of ours; hold one whose request is not known (yet)."""
        if outcome.request in self._sent:
            self._count(outcome)
            return
        self._strangers.setdefault(outcome.request, []).append(outcome)
        self._strangers_count += 1

    def forget_strangers(self) -> None:
        """Drop outcomes of requests that are not ours; call it with nothing in flight."""
        self._strangers.clear()
        self._strangers_count = 0

    def _count(self, outcome: Outcome) -> None:
        self._open.discard(outcome.request)
        if isinstance(outcome, Buried):
            self._buried.setdefault(outcome.request, outcome)
            _raise_end(self.dead_letter_ends, outcome)
            return
        _raise_end(self.result_ends, outcome)
        if outcome.judgment_id not in self._judgment_ids:
            self._judgment_ids.add(outcome.judgment_id)
            self._count_judgment(outcome)

    def _count_judgment(self, judged: Judged) -> None:
        self.by_status[judged.status] += 1
        if judged.verdict is not None:
            self.by_verdict[judged.verdict] += 1
            if judged.method != "rule":
                self.by_llm[judged.verdict] += 1
        if judged.counted_rule is not None:
            self.by_rule[judged.counted_rule] += 1
        self.latencies_ms.append(judged.latency_ms)


def percentile(values: Sequence[int], share: float) -> int | None:
    """Return the smallest value that at least `share` (0 to 1) of `values` do not exceed."""
    if not values:
        return None
    ranked = sorted(values)
    rank = -int(-share * len(ranked) // 1)
    return ranked[max(0, rank - 1)]


def _raise_end(ends: dict[int, int], outcome: Outcome) -> None:
    ends[outcome.partition] = max(ends.get(outcome.partition, 0), outcome.offset + 1)
