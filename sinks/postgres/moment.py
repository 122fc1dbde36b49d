"""Broker times as PostgreSQL stores them."""

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_MS: Final = 253_402_300_799_999
"""The end of the year 9999."""


def moment(timestamp_ms: int) -> datetime:
    """Return the time of `timestamp_ms` since the epoch; the nearest there is for one beyond."""
    return _EPOCH + timedelta(milliseconds=min(max(timestamp_ms, 0), _LATEST_MS))
