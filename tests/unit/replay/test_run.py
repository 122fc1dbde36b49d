"""Laws of a run under way, with a sender, a tail and a clock that the test holds."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from judgify.replay import run as run_module
from judgify.replay.outcomes import Judged, Outcome, Position
from judgify.replay.run import BETWEEN_READS, Plan, Run, replay
from judgify.replay.sending import Outgoing
from judgify.replay.tally import STRANGERS_MAX
from runtime.disk import MIB, DiskFloor
from schemas.errors import DependencyError
from tests.support.clock import FakeClock

REQUEST = Outgoing(None, b"{}")


def judged(offset: int) -> Judged:
    return Judged(Position(0, offset), f"j-{offset}", "decided", "ok", None, 1, b"", 0, offset)


class FakeBroker:
    """Acknowledges and judges at once, unless told otherwise; time passes only while we wait."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.sent_at_s: list[float] = []
        self.results: list[Outcome] = []
        self.judges = True
        self.refuses_at: int | None = None
        self.flushes = 0
        self.closed = False

    def open_sender(self, _bootstrap: str, _topic: str, on_sent: Callable[..., None]) -> Any:
        self._on_sent = on_sent
        return self

    def send(self, _outgoing: Outgoing) -> None:
        offset = len(self.sent_at_s)
        if offset == self.refuses_at:
            raise DependencyError("kafka", "gone")
        self.sent_at_s.append(self.clock.monotonic_s())
        if self.judges:  # the result is read before the acknowledgement is heard of
            self.results.append(judged(offset))
        self._on_sent(Position(0, offset), 0)

    def poll(self, timeout_s: float) -> None:
        self.clock.advance(timeout_s)

    def flush(self) -> None:
        self.flushes += 1

    def read(self, timeout_s: float) -> Iterator[Outcome]:
        self.clock.advance(timeout_s)
        results, self.results = self.results, []
        yield from results

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.closed = True


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> FakeBroker:
    broker = FakeBroker()
    monkeypatch.setattr(run_module, "RequestSender", broker.open_sender)
    monkeypatch.setattr(Plan, "open_tail", lambda _: broker)
    return broker


def run_replay(
    broker: FakeBroker,
    plan: Plan,
    requests: int = 10,
    *,
    stop: threading.Event | None = None,
    shown: list[tuple[int, int]] | None = None,
) -> Run:
    def show(*, sent: int, finished: int) -> None:
        if shown is not None:
            shown.append((sent, finished))

    stop = stop or threading.Event()
    return replay(plan, [REQUEST] * requests, stop=stop, show=show, clock=broker.clock)


def test_a_run_without_a_wait_reads_nothing(broker: FakeBroker) -> None:
    run = run_replay(broker, Plan("b"))

    assert (run.tally.requests, run.tally.finished) == (10, 0)
    assert run.ending == "finished"
    assert not broker.closed


def test_a_run_with_a_wait_ends_with_the_last_outcome(broker: FakeBroker) -> None:
    shown: list[tuple[int, int]] = []

    run = run_replay(broker, Plan("b", wait=True), shown=shown)

    assert (run.ending, run.tally.finished) == ("finished", 10)
    assert shown[-1] == (10, 10)
    assert broker.closed


def test_the_rate_is_kept_from_the_start(broker: FakeBroker) -> None:
    run = run_replay(broker, Plan("b", rate_per_s=4), requests=9)

    first = broker.sent_at_s[0]
    assert [at - first for at in broker.sent_at_s] == pytest.approx([n / 4 for n in range(9)])
    assert run.sending_s == pytest.approx(2)


def test_results_are_read_while_we_wait_for_the_next_request_to_be_due(broker: FakeBroker) -> None:
    shown: list[tuple[int, int]] = []

    run_replay(broker, Plan("b", rate_per_s=1, wait=True), requests=3, shown=shown)

    assert (2, 2) in shown


def test_a_run_that_nobody_answers_ends_after_its_time(broker: FakeBroker) -> None:
    broker.judges = False
    started_s = broker.clock.monotonic_s()

    run = run_replay(broker, Plan("b", wait=True, timeout_s=3))

    assert run.ending == "timed_out"
    assert 3 <= broker.clock.monotonic_s() - started_s < 3.5


def test_a_run_that_is_stopped_sends_and_waits_no_longer(broker: FakeBroker) -> None:
    stop = threading.Event()
    stop.set()

    run = run_replay(broker, Plan("b", wait=True), stop=stop)

    assert (run.ending, run.tally.requests) == ("interrupted", 0)
    assert broker.flushes >= 1


def test_a_refused_request_ends_the_run_and_what_is_in_flight_is_awaited(
    broker: FakeBroker,
) -> None:
    broker.refuses_at = 4

    with pytest.raises(DependencyError, match="gone"):
        run_replay(broker, Plan("b"))

    assert broker.flushes == 1


def test_a_disk_that_runs_short_ends_the_run_and_what_was_sent_stays_sent(
    broker: FakeBroker, tmp_path: Path
) -> None:
    free = iter([10 * MIB, 10 * MIB, 9 * MIB])
    disk = DiskFloor((tmp_path,), 10, lambda _: next(free))

    with pytest.raises(DependencyError, match=r"disk: .*9 MiB left"):
        run_replay(broker, Plan("b", disk=disk), requests=5 * BETWEEN_READS)

    assert len(broker.sent_at_s) == 2 * BETWEEN_READS
    assert broker.flushes == 1


def test_results_of_others_are_let_go_once_nothing_of_ours_is_in_flight(
    broker: FakeBroker,
) -> None:
    broker.results = [judged(10**6 + number) for number in range(STRANGERS_MAX)]

    run = run_replay(broker, Plan("b", wait=True))

    assert not run.tally.is_crowded
    assert (run.ending, run.tally.judgments) == ("finished", 10)
    assert broker.flushes >= 2
