"""Whatever stands on the requests topic ends where it should, and the next good one is judged."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from tests.support.lane import Lane
from tests.support.messages import headers_of, json_of
from tests.support.raw_header import publish_raw_header
from tests.support.services import delete_topics, make_name
from topics.clients import find_bounds

GOOD_WITHIN_S: Final = 1.0
GOOD: Final = {
    "workflow_id": "milling",
    "input_data": {
        "Type": "M",
        "Air temperature [K]": 298,
        "Process temperature [K]": 306,
        "Rotational speed [rpm]": 1300,
        "Torque [Nm]": 40,
        "Tool wear [min]": 3,
    },
}


def request(**fields: Any) -> bytes:
    return json.dumps(GOOD | fields).encode()


class Outcomes:
    """Follows results and dead letters of partition 0 from their ends."""

    def __init__(self, lane: Lane) -> None:
        self._consumer = Consumer({"bootstrap.servers": lane.bootstrap, "group.id": "none"})
        ends = []
        for topic in (lane.results, lane.dead_letters):
            place = TopicPartition(topic, 0)
            _, end = find_bounds(self._consumer, lane.bootstrap, place, 15)
            ends.append(TopicPartition(topic, 0, end))
        self._consumer.assign(ends)
        self._dead_letters = lane.dead_letters

    def next(self, timeout_s: float = 15.0) -> Message:
        deadline_s = time.monotonic() + timeout_s
        while (message := self._consumer.poll(0.05)) is None or message.error():
            assert time.monotonic() < deadline_s, "no outcome"
        return message

    def next_judgment(self, timeout_s: float = 15.0) -> Any:
        message = self.next(timeout_s)
        assert message.topic() != self._dead_letters, headers_of(message)
        return json_of(message)

    def next_letter(self) -> tuple[bytes | None, dict[str, Any]]:
        message = self.next()
        assert message.topic() == self._dead_letters, message.value()
        return message.value(), headers_of(message)

    def close(self) -> None:
        self._consumer.close()


@pytest.fixture(scope="module")
def lane(kafka_bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lane]:
    prefix = f"{make_name('hostile-')}."
    lane = Lane(kafka_bootstrap, prefix, tmp_path_factory.mktemp("lane"), None)
    lane.publish_workflow()
    lane.start("rule-agent")
    yield lane
    lane.close()
    delete_topics(kafka_bootstrap, prefix)


@pytest.fixture
def outcomes(lane: Lane) -> Iterator[Outcomes]:
    outcomes = Outcomes(lane)
    yield outcomes
    outcomes.close()


def send(lane: Lane, value: bytes | None, **options: Any) -> None:
    lane.send(value, partition=0, key=b"m", **options)


def expect_good(lane: Lane, outcomes: Outcomes) -> None:
    """Assert that a good request behind the hostile one is judged within a second."""
    send(lane, request(request_id="good"))
    started_s = time.monotonic()
    judgment = outcomes.next_judgment()
    took_s = time.monotonic() - started_s

    assert (judgment["verdict"], judgment["rule"]) == ("fail", "HDF")
    assert took_s < GOOD_WITHIN_S
    assert lane.newest.poll() is None


BURIED: Final[dict[str, tuple[Callable[[], bytes | None], bytes]]] = {
    "300 KiB": (lambda: request(note="x" * 300_000), b"too_large"),
    "a tombstone": (lambda: None, b"empty"),
    "no bytes": (lambda: b"", b"empty"),
    "10,000 brackets": (lambda: b"[" * 10_000, b"unreadable"),
    "NaN": (lambda: request(input_data={"x": float("nan")}), b"unreadable"),
    "a key twice": (lambda: b'{"workflow_id":"milling","input_data":{"a":1,"a":2}}', b"unreadable"),
    "2^64": (lambda: request(input_data={"x": 2**64}), b"unreadable"),
    "a lone surrogate": (lambda: request(input_data={"x": "\ud800"}), b"unreadable"),
    "a NUL": (lambda: request(input_data={"x": "\x00"}), b"unreadable"),
    "no JSON": (lambda: b"not json", b"unreadable"),
    "no workflow": (lambda: b'{"input_data":{}}', b"invalid_request"),
}


@pytest.mark.parametrize("case", BURIED)
def test_what_cannot_be_read_is_buried_byte_for_byte(
    lane: Lane, outcomes: Outcomes, case: str
) -> None:
    make, code = BURIED[case]
    value = make()
    send(lane, value)

    buried, headers = outcomes.next_letter()

    assert buried == value
    assert headers["judgify-dl-code"] == code
    assert headers["judgify-dl-kind"] == b"message"
    assert headers["judgify-dl-request-origin"].startswith(lane.requests.encode())
    expect_good(lane, outcomes)


ERRORS: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "an unknown workflow": ({"workflow_id": "nobody"}, "workflow_not_found"),
    "a required field missing": ({"input_data": {}}, "invalid_input"),
    "a required field out of one_of": ({"input_data": {"Type": "X"}}, "invalid_input"),
    "a method not allowed": ({"method": "llm"}, "method_not_allowed"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_what_can_be_read_and_not_judged_is_a_judgment_that_says_so(
    lane: Lane, outcomes: Outcomes, case: str
) -> None:
    fields, code = ERRORS[case]
    send(lane, request(**fields))

    judgment = outcomes.next_judgment()

    assert (judgment["status"], judgment["error"]["code"]) == ("error", code)
    assert judgment["verdict"] is None
    expect_good(lane, outcomes)


def test_three_hundred_malformed_in_a_row_stop_nothing(lane: Lane, outcomes: Outcomes) -> None:
    values = [b"malformed %d" % number for number in range(300)]
    for value in values:
        lane.producer.produce(lane.requests, value, partition=0)
    assert lane.producer.flush(20) == 0

    buried = {outcomes.next_letter()[0] for _ in values}

    assert buried == set(values)
    expect_good(lane, outcomes)


def test_a_header_key_that_is_not_utf8_costs_that_record_alone(
    lane: Lane, outcomes: Outcomes
) -> None:
    publish_raw_header(lane.bootstrap, lane.requests, 0, b"\xff\xfe", request())

    buried, headers = outcomes.next_letter()

    assert buried == request()
    assert headers["judgify-dl-code"] == b"unreadable_record"
    expect_good(lane, outcomes)


def test_a_client_header_is_not_obeyed_and_not_copied(lane: Lane, outcomes: Outcomes) -> None:
    reply_to = f"{lane.prefix}actions.v1"
    trace = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    send(
        lane,
        request(),
        headers=[
            ("Faust-Ag-ReplyTo", reply_to.encode()),
            ("traceparent", trace),
            ("judgify-correlation-id", b"c-1"),
            ("judgify-dl-topic", b"forged"),
        ],
    )

    message = outcomes.next()

    assert message.topic() == lane.results
    assert headers_of(message) == {"content-type": b"application/json", "traceparent": trace}
    assert json_of(message)["correlation_id"] == "c-1"
    expect_good(lane, outcomes)


def test_a_deadline_that_has_passed_is_said_and_not_judged(lane: Lane, outcomes: Outcomes) -> None:
    lane.newest.send_signal(signal.SIGSTOP)
    try:
        send(lane, request(deadline_ms=1))
        time.sleep(0.2)  # the deadline passes while nobody can look
    finally:
        lane.newest.send_signal(signal.SIGCONT)

    judgment = outcomes.next_judgment()

    assert judgment["status"] == "expired"
    assert judgment["error"]["code"] == "deadline_exceeded"


def test_the_broker_bounds_the_size_of_a_request(lane: Lane) -> None:
    """A larger one never reaches the log, so it can never fill it."""
    with pytest.raises(KafkaException) as refused:
        lane.producer.produce(lane.requests, b"x" * 1_200_000, partition=0)

    assert refused.value.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE
