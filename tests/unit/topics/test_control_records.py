"""Control records: to bytes and back; whatever else stands on the topic is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import MessageError
from topics.control_records import (
    Place,
    encode_control,
    parse_control,
    parse_place,
    skip_name,
)


def test_a_control_record_reads_back() -> None:
    key, value = encode_control("llm.enabled", False, "ana", "incident 7")

    record = parse_control(key.decode(), value)

    assert (record.value, record.author, record.note) == (False, "ana", "incident 7")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b'{"name": "llm.enabled"}',
        b'{"name": 1, "value": 1, "author": 2}',
    ],
)
def test_bytes_that_are_no_control_record_are_refused(raw: bytes) -> None:
    with pytest.raises(MessageError):
        parse_control("llm.enabled", raw)


def test_a_record_that_names_another_switch_than_its_key_is_refused() -> None:
    raw = json.dumps({"name": "redis.enabled", "value": True, "author": "ana"}).encode()

    with pytest.raises(MessageError, match=r"redis\.enabled"):
        parse_control("llm.enabled", raw)


def test_an_author_longer_than_the_limit_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(MessageError, match="author"):
        encode_control("llm.enabled", value=False, author="a" * 129, note="")


@given(
    topic=st.from_regex(r"[A-Za-z0-9._-]{1,249}", fullmatch=True),
    partition=st.integers(0, 10**9 - 1),
    offset=st.integers(0, 10**18 - 1),
)
def test_a_place_reads_back(topic: str, partition: int, offset: int) -> None:
    place = Place(topic, partition, offset)

    assert parse_place(place.text) == place
    assert skip_name(place) == f"skip/{topic}/{partition}/{offset}"


@pytest.mark.parametrize(
    "text", ["", "t", "t/1", "t/1/-1", "t/01/1", "t/1/1/1", "a b/1/1", "t/1/١"]
)
def test_another_text_is_no_place(text: str) -> None:
    with pytest.raises(MessageError, match="invalid_place"):
        parse_place(text)
