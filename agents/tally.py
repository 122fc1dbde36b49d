"""Counts of one batch, added to the metrics at once when the broker has its outcomes."""

from collections import Counter, defaultdict
from functools import lru_cache
from typing import Final

from rules.ruling import Outcome
from runtime.metrics import (
    JUDGMENT_CONFIDENCE,
    JUDGMENT_CONFIDENCE_SCORE,
    JUDGMENT_DURATION_SECONDS,
    JUDGMENT_REQUESTS_TOTAL,
    OTHER,
)
from schemas.request import Method

SCORE_WEIGHT: Final = 0.1
"""Weight of a batch in the moving mean of the confidence."""

_SERIES_MAX: Final = 4_096
"""Series that are found without asking for them by name again."""

_score: dict[str, float] = {}
_requests_total = lru_cache(_SERIES_MAX)(JUDGMENT_REQUESTS_TOTAL.labels)
_duration = lru_cache(_SERIES_MAX)(JUDGMENT_DURATION_SECONDS.labels)
_confidence_score = lru_cache(_SERIES_MAX)(JUDGMENT_CONFIDENCE_SCORE.labels)


class Tally:
    """What a batch came to: next to nothing per record, the metrics once per batch."""

    def __init__(self, now_ms: int, method: Method = "rule") -> None:
        """Count outcomes of `method`, reached at broker time `now_ms`."""
        self._now_ms = now_ms
        self._method = method
        self._results: Counter[tuple[str, str | None]] = Counter()
        self.times: defaultdict[int, int] = defaultdict(int)
        """How many requests of each broker time have their outcome."""
        self._confidences: Counter[tuple[str, float]] = Counter()

    def add(self, result: str, workflow_id: str | None, count: int = 1) -> None:
        """Note outcomes: a verdict or a status; None: of a workflow that nobody knows."""
        self._results[result, workflow_id] += count

    def add_outcomes(self, workflow_id: str, outcome: Outcome, count: int) -> None:
        """Note that `outcome` was the outcome `count` times."""
        self.add(outcome.verdict or outcome.status, workflow_id, count)
        if outcome.confidence is not None:
            self.add_confidence(workflow_id, outcome.confidence, count)

    def add_confidence(self, workflow_id: str, confidence: float, count: int = 1) -> None:
        """Note how sure decided outcomes are."""
        self._confidences[workflow_id, confidence] += count

    def count(self) -> None:
        """Add everything to the metrics."""
        for (result, workflow_id), count in self._results.items():
            _requests_total(self._method, result, workflow_id or OTHER).inc(count)
        duration = _duration(self._method)
        for timestamp_ms, count in self.times.items():
            duration.observe_many(max(0, self._now_ms - timestamp_ms) / 1_000, count)
        for (workflow_id, confidence), count in self._confidences.items():
            JUDGMENT_CONFIDENCE.observe_many(confidence, count)
            before = _score.get(workflow_id, confidence)
            _score[workflow_id] = before + SCORE_WEIGHT * (confidence - before)
            _confidence_score(workflow_id).set(_score[workflow_id])
