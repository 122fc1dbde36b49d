"""The bench that the tests of the concurrent shape share."""

from collections.abc import AsyncIterator

import pytest

from tests.support.concurrent_bench import ConcurrentBench


@pytest.fixture
async def bench(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ConcurrentBench]:
    """Yield a lane that waits for dependencies without losing time."""
    monkeypatch.setattr("stream.hold.BACKOFF_FIRST_S", 0.001)
    monkeypatch.setattr("stream.hold.BACKOFF_MAX_S", 0.002)
    bench = ConcurrentBench()
    bench.lane.start()
    yield bench
    await bench.lane.drop()
