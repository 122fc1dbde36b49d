"""Headers: what travels on, and that a dead letter can be read back whatever was buried."""

from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.dead_letter import DeadLetter
from schemas.errors import MessageError
from topics.headers import (
    COPIED_BYTES_MAX,
    CUT_BYTES,
    REASON_BYTES_MAX,
    VALUE_BYTES_MAX,
    build_dead_letter_headers,
    copy_allowed,
    cut_value,
    origin_text,
    parse_dead_letter,
    parse_origin_text,
)

names = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.sampled_from(
        ["judgify-dl-topic", "judgify-dl-headers", "judgify-dl-reason", "Faust-Ag-ReplyTo"]
    ),
)
original_headers = st.lists(st.tuples(names, st.none() | st.binary(max_size=40))).map(tuple)


def make_letter(**fields: Any) -> DeadLetter:
    defaults: dict[str, Any] = {
        "key": b"machine-1",
        "value": b"not json",
        "headers": (),
        "topic": "judgify.requests.v1",
        "partition": 3,
        "offset": 18_822,
        "timestamp": 1_750_000_000_000,
        "request_origin": "judgify.requests.v1/3/18822/1750000000000",
        "agent": "rule-agent",
        "version": "0.1.0",
        "kind": "message",
        "code": "unreadable",
        "reason": "line 1 column 1: expected a value",
        "at": "2025-06-15T15:06:40.000Z",
    }
    return DeadLetter.model_validate(defaults | fields)


@given(headers=original_headers, key=st.none() | st.binary(), value=st.none() | st.binary())
def test_a_dead_letter_reads_back_as_it_was_buried(
    headers: tuple[tuple[str, bytes | None], ...], key: bytes | None, value: bytes | None
) -> None:
    letter = make_letter(headers=headers, key=key, value=value)

    wire = build_dead_letter_headers(letter, mask=str)

    assert parse_dead_letter(wire, key, value) == letter


@given(headers=original_headers)
def test_the_original_headers_stand_first_and_unchanged(
    headers: tuple[tuple[str, bytes | None], ...],
) -> None:
    wire = build_dead_letter_headers(make_letter(headers=headers))

    assert wire[: len(headers)] == headers


def test_headers_that_could_not_be_read_are_left_out_and_that_is_said() -> None:
    wire = build_dead_letter_headers(make_letter(headers=None))

    assert ("judgify-dl-headers", b"unreadable") in wire
    assert parse_dead_letter(wire, None, b"").headers is None


def test_a_buried_dead_letter_keeps_the_first_burial_as_its_own_headers() -> None:
    first = build_dead_letter_headers(make_letter(code="first"))

    again = build_dead_letter_headers(make_letter(code="second", headers=first))

    assert parse_dead_letter(again, None, None).code == "second"
    assert parse_dead_letter(again, None, None).headers == first


def test_the_reason_is_masked_before_it_is_cut() -> None:
    secret = "x" * REASON_BYTES_MAX + "hunter2"
    letter = make_letter(reason=secret)

    wire = build_dead_letter_headers(letter, mask=lambda text: text[-7:])

    assert dict(wire)["judgify-dl-reason"] == b"hunter2"


def test_a_long_reason_is_cut_between_characters() -> None:
    letter = make_letter(reason="a" + "가" * REASON_BYTES_MAX)

    reason = dict(build_dead_letter_headers(letter, mask=str))["judgify-dl-reason"]

    assert reason is not None
    assert REASON_BYTES_MAX - 3 < len(reason) <= REASON_BYTES_MAX
    assert reason.decode() == "a" + "가" * ((REASON_BYTES_MAX - 1) // 3)


def test_a_value_over_one_mebibyte_is_cut_and_still_identified() -> None:
    long = bytes(VALUE_BYTES_MAX + 1)

    value, length, digest = cut_value(long)
    letter = make_letter(value=value, value_length=length, value_sha256=digest)
    wire = build_dead_letter_headers(letter)

    assert value == bytes(CUT_BYTES)
    assert dict(wire)["judgify-dl-value-length"] == b"%d" % len(long)
    assert dict(wire)["judgify-dl-value-sha256"] == sha256(long).hexdigest().encode()
    assert parse_dead_letter(wire, letter.key, value) == letter


@pytest.mark.parametrize("value", [None, b"", bytes(VALUE_BYTES_MAX)])
def test_a_value_up_to_one_mebibyte_is_kept_whole(value: bytes | None) -> None:
    assert cut_value(value) == (value, None, None)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("judgify-dl-offset", b"\xff\xfe"),
        ("judgify-dl-offset", b"-1"),
        ("judgify-dl-partition", b"9" * 5_000),
        ("judgify-dl-code", b"DROP TABLE"),
        ("judgify-dl-at", None),
    ],
)
def test_a_record_with_a_broken_block_is_refused_by_name(name: str, content: bytes | None) -> None:
    wire = {**dict(build_dead_letter_headers(make_letter())), name: content}

    with pytest.raises(MessageError) as caught:
        parse_dead_letter(tuple(wire.items()), None, None)

    assert name.rpartition("-")[2] in caught.value.reason


def test_a_record_without_our_headers_is_no_dead_letter() -> None:
    with pytest.raises(MessageError, match="not_a_dead_letter"):
        parse_dead_letter((("traceparent", b"00-1"),), None, b"x")


def test_only_the_allow_list_travels_on() -> None:
    headers = (
        ("Faust-Ag-ReplyTo", b"judgify.actions.v1"),
        ("traceparent", b"00-aa-bb-01"),
        ("traceparent", b"00-forged-01"),
        ("judgify-sig", b"forged"),
        ("judgify-dl-topic", b"forged"),
        ("judgify-correlation-id", None),
    )

    assert copy_allowed(headers) == (("traceparent", b"00-aa-bb-01"),)


def test_a_header_longer_than_any_honest_one_does_not_travel_on() -> None:
    assert copy_allowed([("traceparent", bytes(COPIED_BYTES_MAX))]) != ()
    assert copy_allowed([("traceparent", bytes(COPIED_BYTES_MAX + 1))]) == ()


def test_an_origin_reads_back() -> None:
    origin = ("judgify.requests.v1", 3, 18_822, -1)

    assert parse_origin_text(origin_text(*origin)) == origin


@pytest.mark.parametrize("text", ["", "a/1/2", "a/1/2/x", "a/1/2/3/4", "a/1/²/3"])
def test_another_text_is_no_origin(text: str) -> None:
    with pytest.raises(MessageError, match="not_an_origin"):
        parse_origin_text(text)
