"""What the broker clock promises, whatever the network and the clocks do."""

import re
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from runtime.clock import BrokerClock, SystemClock, format_ms
from tests.support.clock import FakeClock

QUARTZ = 0.0001
"""Worst drift of a clock that works, as a share of elapsed time."""


@dataclass(frozen=True)
class Seen:
    """After `silence_s`, a timestamp that the broker gave `age_s` ago."""

    silence_s: float
    age_s: float
    acknowledged: bool


@dataclass
class Broker:
    """A broker's clock: it drifts against ours, and can be set back."""

    clock: FakeClock
    offset_ms: float
    drift: float = 0.0

    def now_ms(self, ago_s: float = 0.0) -> float:
        elapsed_s = self.clock.monotonic_s() - ago_s
        return self.offset_ms + elapsed_s * 1_000 * (1 + self.drift)


seen = st.builds(
    Seen,
    silence_s=st.floats(0, 3_600),
    age_s=st.floats(0, 5),
    acknowledged=st.booleans(),
)
offsets = st.floats(0, 1e12)
drifts = st.floats(-QUARTZ, QUARTZ)


def replay(broker_clock: BrokerClock, broker: Broker, one: Seen) -> None:
    broker.clock.advance(one.silence_s)
    observe = broker_clock.observe_acknowledged if one.acknowledged else broker_clock.observe
    observe(int(broker.now_ms(one.age_s)))


@given(history=st.lists(seen, max_size=30), offset_ms=offsets, drift=drifts)
def test_it_is_never_ahead_of_the_broker(
    history: list[Seen], offset_ms: float, drift: float
) -> None:
    clock = FakeClock()
    broker, broker_clock = Broker(clock, offset_ms, drift), BrokerClock(clock)
    broker_clock.observe_acknowledged(int(broker.now_ms()))

    for one in history:
        replay(broker_clock, broker, one)
        assert broker_clock.now_ms() <= broker.now_ms() + 1
        clock.advance(one.silence_s)
        assert broker_clock.now_ms() <= broker.now_ms() + 1


@given(history=st.lists(seen, min_size=1, max_size=30), offset_ms=offsets, drift=drifts)
def test_it_is_behind_by_what_the_last_observation_took_and_the_drift_since(
    history: list[Seen], offset_ms: float, drift: float
) -> None:
    clock = FakeClock()
    broker, broker_clock = Broker(clock, offset_ms, drift), BrokerClock(clock)

    for one in history:
        replay(broker_clock, broker, one)
        behind_ms = one.age_s * 1_000 * (1 + QUARTZ)
        assert broker_clock.now_ms() >= broker.now_ms() - behind_ms - 2
        clock.advance(one.silence_s)
        behind_ms += one.silence_s * 1_000 * (BrokerClock.DRIFT + QUARTZ)
        assert broker_clock.now_ms() >= broker.now_ms() - behind_ms - 2


@given(history=st.lists(seen, max_size=30), set_back_s=st.floats(0, 1e6))
def test_after_the_first_acknowledgement_it_never_goes_back(
    history: list[Seen], set_back_s: float
) -> None:
    clock = FakeClock()
    broker, broker_clock = Broker(clock, 0.0), BrokerClock(clock)
    broker_clock.observe_acknowledged(int(broker.now_ms()))
    before_ms = broker_clock.now_ms()
    broker.offset_ms -= set_back_s * 1_000

    for one in history:
        replay(broker_clock, broker, one)
        assert broker_clock.now_ms() >= before_ms
        before_ms = broker_clock.now_ms()


def test_a_broker_clock_set_back_by_10_s_is_followed_within_3_h() -> None:
    clock = FakeClock()
    broker, broker_clock = Broker(clock, 0.0), BrokerClock(clock)
    broker_clock.observe_acknowledged(int(broker.now_ms()))
    broker.offset_ms -= 10_000

    clock.advance(1)
    broker_clock.observe_acknowledged(int(broker.now_ms()))
    assert broker_clock.now_ms() > broker.now_ms() + 9_000

    for _ in range(3 * 60):
        clock.advance(60)
        broker_clock.observe_acknowledged(int(broker.now_ms()))
    assert abs(broker_clock.now_ms() - broker.now_ms()) <= 61


def test_an_old_backlog_does_not_become_the_present() -> None:
    clock = FakeClock()
    broker_clock = BrokerClock(clock)

    broker_clock.observe(clock.wall_ms() - 3_600_000)

    assert abs(broker_clock.now_ms() - clock.wall_ms()) <= 1


def test_a_record_of_the_future_corrects_a_wall_clock_that_is_behind() -> None:
    clock = FakeClock()
    broker_clock = BrokerClock(clock)

    broker_clock.observe(clock.wall_ms() + 60_000)

    assert abs(broker_clock.now_ms() - clock.wall_ms() - 60_000) <= 1


def test_the_first_acknowledgement_corrects_a_wall_clock_that_is_ahead() -> None:
    clock = FakeClock()
    broker_clock = BrokerClock(clock)

    broker_clock.observe_acknowledged(clock.wall_ms() - 3_600_000)

    assert abs(broker_clock.now_ms() - clock.wall_ms() + 3_600_000) <= 1


def test_our_wall_clock_being_set_changes_nothing() -> None:
    clock = FakeClock()
    broker_clock = BrokerClock(clock)
    before_ms = broker_clock.now_ms()

    clock.set_wall_ms(0)

    assert broker_clock.now_ms() == before_ms


def test_the_clocks_of_this_machine_tell_time() -> None:
    clock = SystemClock()

    first = (clock.monotonic_s(), clock.wall_ms())

    assert clock.monotonic_s() >= first[0]
    assert first[1] > 1_700_000_000_000


@given(timestamp_ms=st.integers(0, 253_402_300_799_999))
def test_a_time_reads_as_rfc_3339_with_milliseconds(timestamp_ms: int) -> None:
    text = format_ms(timestamp_ms)

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)
    assert text.endswith(f".{timestamp_ms % 1000:03d}Z")
