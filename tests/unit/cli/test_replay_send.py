"""Laws of `judgify send`: what it accepts, what it refuses, what it says."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from judgify.cli.send import (
    describe,
    make_outgoing,
    make_report,
    make_request,
    read_stdin,
    refuse_envelope,
)
from judgify.replay.outcomes import Buried, Judged, Position
from judgify.replay.single import Sent
from schemas.decode import parse_request
from schemas.errors import FatalError, MessageError
from schemas.identity import make_judgment_id, make_request_id
from tests.support.builders import make_judgment
from topics.registry import REQUEST_BYTES_MAX

ENVELOPE: dict[str, Any] = {
    "workflow_id": "milling",
    "request_id": "r-1",
    "tenant": None,
    "method": None,
    "deadline_ms": None,
}
SENT = Sent("judgify.requests.v1", 3, 42, 1_750_000_000_000, "cluster")


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> io.BytesIO:
    """Bytes on standard input, to be filled by the test."""
    buffer = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(buffer))
    return buffer


def fill(buffer: io.BytesIO, content: bytes) -> None:
    buffer.write(content)
    buffer.seek(0)


def test_the_event_travels_in_the_request() -> None:
    request = make_request(ENVELOPE, b'{"rpm": 1500}', is_test=True)

    outgoing = make_outgoing(request, None)

    parsed = parse_request(outgoing.value)
    assert parsed.input_data == {"rpm": 1500}
    assert (parsed.workflow_id, parsed.request_id, parsed.test) == ("milling", "r-1", True)
    assert outgoing.key == b"r-1"


def test_what_a_request_leaves_open_does_not_travel() -> None:
    request = make_request(ENVELOPE | {"request_id": None}, b"{}", is_test=False)

    assert json.loads(make_outgoing(request, None).value) == {
        "workflow_id": "milling",
        "input_data": {},
    }


def test_a_key_of_ones_own_wins() -> None:
    request = make_request(ENVELOPE, b"{}", is_test=True)

    assert make_outgoing(request, "M14860").key == b"M14860"


@pytest.mark.parametrize(
    ("changed", "option"),
    [
        ({"workflow_id": "No Such Name"}, "--workflow"),
        ({"request_id": "two words"}, "--request-id"),
        ({"method": "guess"}, "--method"),
        ({"deadline_ms": 0}, "--deadline-ms"),
        ({"tenant": ""}, "--tenant"),
    ],
)
def test_a_wrong_option_is_named_as_it_was_typed(changed: dict[str, Any], option: str) -> None:
    with pytest.raises(FatalError, match=f"^{option}: "):
        make_request(ENVELOPE | changed, b"{}", is_test=True)


def test_without_a_workflow_nothing_is_sent() -> None:
    with pytest.raises(FatalError, match="--workflow ID is missing"):
        make_request(ENVELOPE | {"workflow_id": None}, b"{}", is_test=True)


def test_an_event_that_is_no_object_is_misuse() -> None:
    with pytest.raises(FatalError, match="the event on standard input"):
        make_request(ENVELOPE, b"[1, 2]", is_test=True)


@pytest.mark.parametrize("event", [b"not json", b'{"a": 1, "a": 2}', b'{"a": NaN}', b""])
def test_an_event_that_no_agent_would_read_is_refused_here(event: bytes) -> None:
    with pytest.raises(MessageError, match="--raw sends it all the same"):
        make_request(ENVELOPE, event, is_test=True)


def test_raw_bytes_travel_as_they_are(stdin: io.BytesIO) -> None:
    fill(stdin, b"\xff not json\n")

    outgoing = make_outgoing(None, None)

    assert outgoing == (None, b"\xff not json\n")


@pytest.mark.parametrize("option", ["workflow_id", "request_id", "tenant"])
def test_raw_bytes_take_no_envelope(option: str) -> None:
    nothing = dict.fromkeys(ENVELOPE)

    refuse_envelope(nothing, live=False)
    with pytest.raises(FatalError, match="no place in --raw"):
        refuse_envelope(nothing | {option: "x"}, live=False)
    with pytest.raises(FatalError, match="--live"):
        refuse_envelope(nothing, live=True)


def test_more_than_the_topic_takes_is_not_read(stdin: io.BytesIO) -> None:
    fill(stdin, b"x" * (REQUEST_BYTES_MAX + 1))

    with pytest.raises(FatalError, match="more than"):
        read_stdin()


def test_the_id_of_the_judgment_is_known_before_it_exists() -> None:
    named = make_request(ENVELOPE, b"{}", is_test=True)
    unnamed = make_request(ENVELOPE | {"request_id": None}, b"{}", is_test=True)
    origin_id = make_request_id("cluster", SENT.topic, 3, 42, SENT.timestamp_ms)

    assert make_report(named, SENT, None)["judgment_id"] == make_judgment_id(
        "default", "milling", "r-1"
    )
    assert make_report(unnamed, SENT, None)["judgment_id"] == make_judgment_id(
        "default", "milling", origin_id
    )
    assert make_report(None, SENT, None)["judgment_id"] is None


def test_people_are_told_where_it_went_and_where_to_look(tmp_path: Path) -> None:
    request = make_request(ENVELOPE, b"{}", is_test=True)
    judgment = make_judgment(reason="heat dissipation").model_dump_json().encode()
    judged = Judged(Position(3, 42), "j", "decided", "fail", "HDF", 5, judgment, 3, 7)

    text = "\n".join(describe(request, SENT, judged, tmp_path))

    assert "judgify.requests.v1/3 offset 42" in text
    assert "fail: HDF: heat dissipation, confidence 0.99" in text
    assert f"judgments show {make_judgment_id('default', 'milling', 'r-1')}" in text
    assert f"--data-dir {tmp_path}" in text


def test_people_are_told_why_something_was_buried(tmp_path: Path) -> None:
    buried = Buried(Position(3, 42), "rule-agent", "unreadable", "not JSON at byte 0", 1, 1)

    text = "\n".join(describe(None, SENT, buried, tmp_path))

    assert "buried by rule-agent: unreadable" in text
    assert "not JSON at byte 0" in text
    assert "dead-letters list" in text
