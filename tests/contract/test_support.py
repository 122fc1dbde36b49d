"""What tests lean on: it fails when it should, or every test above it is worth nothing."""

import pytest

from runtime.clock import Clock, SystemClock
from schemas.decode import parse_request
from stream.batch import Record
from tests.support.builders import make_batch, make_judgment, make_record, make_request
from tests.support.clock import FakeClock
from tests.support.services import delete_topics, require_url
from tests.support.waiting import wait_until, wait_until_async


def test_waiting_returns_what_the_predicate_found() -> None:
    answers = iter([None, [], ["found"]])

    assert wait_until(lambda: next(answers)) == ["found"]


def test_waiting_in_vain_fails_and_says_what_for() -> None:
    with pytest.raises(AssertionError, match=r"waited 0\.05 s for the moon; .* 0"):
        wait_until(lambda: 0, timeout_s=0.05, what="the moon")


async def test_waiting_in_vain_fails_on_the_loop_too() -> None:
    with pytest.raises(AssertionError, match="the moon"):
        await wait_until_async(lambda: 0, timeout_s=0.05, what="the moon")


def test_a_missing_service_skips_on_a_laptop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("WITH_STACK", raising=False)
    monkeypatch.delenv("JUDGIFY_NO_SUCH_URL", raising=False)

    with pytest.raises(pytest.skip.Exception, match="JUDGIFY_NO_SUCH_URL"):
        require_url("JUDGIFY_NO_SUCH_URL")


@pytest.mark.parametrize("sign", ["CI", "WITH_STACK"])
def test_a_missing_service_fails_in_ci_and_beside_a_stack(
    monkeypatch: pytest.MonkeyPatch, sign: str
) -> None:
    for name in ("CI", "WITH_STACK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(sign, "1")

    with pytest.raises(pytest.fail.Exception, match="JUDGIFY_NO_SUCH_URL"):
        require_url("JUDGIFY_NO_SUCH_URL")


def test_nobody_deletes_every_topic_by_an_empty_prefix() -> None:
    with pytest.raises(ValueError, match="every topic"):
        delete_topics("127.0.0.1:1", "")


def test_the_fake_clock_is_a_clock_that_only_a_test_moves() -> None:
    clock = FakeClock()
    clocks: list[Clock] = [clock, SystemClock()]
    before = (clock.monotonic_s(), clock.wall_ms())

    clock.advance(1.5)

    assert (clock.monotonic_s() - before[0], clock.wall_ms() - before[1]) == (1.5, 1_500)
    assert clocks[0].wall_ms() == clock.wall_ms()
    with pytest.raises(ValueError, match="cannot go back"):
        clock.advance(-1)


def test_built_messages_are_valid_and_take_what_a_test_is_about() -> None:
    assert make_request(request_id="r-7").request_id == "r-7"
    assert make_judgment(request_id="r-7").judgment_id != make_judgment().judgment_id


def test_a_built_record_is_a_record_with_a_readable_request() -> None:
    record: Record = make_record(offset=5)

    assert record.value is not None
    assert parse_request(record.value).workflow_id == "milling"
    assert record.offset == 5


def test_a_built_batch_is_consecutive() -> None:
    batch = make_batch([b"a", b"b"], first=40)

    assert [(record.offset, record.value) for record in batch.records] == [(40, b"a"), (41, b"b")]
