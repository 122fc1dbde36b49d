"""Counts of one batch, added to the metrics at once when the broker has its outcomes."""

from collections import Counter

from runtime.metrics import (
    JUDGMENT_CONFIDENCE,
    JUDGMENT_CONFIDENCE_SCORE,
    JUDGMENT_DURATION_SECONDS,
    JUDGMENT_REQUESTS_TOTAL,
    OTHER,
)

SCORE_WEIGHT = 0.1
"""Weight of a batch in the moving mean of the confidence."""

_score: dict[str, float] = {}


class Tally:
    """What a batch came to: a dict update per record, the metrics once per batch."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms
        self._outcomes: Counter[tuple[str, str, str | None]] = Counter()
        self._times: Counter[tuple[str, int]] = Counter()
        self._confidences: Counter[tuple[str, float]] = Counter()

    def add(self, method: str, result: str, workflow_id: str | None, timestamp_ms: int) -> None:
        """Note one outcome of the request of `timestamp_ms`; None: a workflow nobody knows."""
        self._outcomes[method, result, workflow_id] += 1
        self._times[method, timestamp_ms] += 1

    def add_confidence(self, workflow_id: str, confidence: float | None) -> None:
        """Note how sure a decided judgment is; None where it has no verdict."""
        if confidence is not None:
            self._confidences[workflow_id, confidence] += 1

    def count(self) -> None:
        """Add everything to the metrics."""
        for (method, result, workflow_id), count in self._outcomes.items():
            JUDGMENT_REQUESTS_TOTAL.labels(method, result, workflow_id or OTHER).inc(count)
        for (method, timestamp_ms), count in self._times.items():
            age_s = max(0, self._now_ms - timestamp_ms) / 1_000
            JUDGMENT_DURATION_SECONDS.labels(method).observe_many(age_s, count)
        for (workflow_id, confidence), count in self._confidences.items():
            JUDGMENT_CONFIDENCE.observe_many(confidence, count)
            before = _score.get(workflow_id, confidence)
            _score[workflow_id] = before + SCORE_WEIGHT * (confidence - before)
            JUDGMENT_CONFIDENCE_SCORE.labels(workflow_id).set(_score[workflow_id])
