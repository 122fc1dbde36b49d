"""The fast parser decides exactly as the exact one does."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.decode import parse_json, parse_request
from schemas.errors import MessageError
from schemas.exact_json import parse_exact
from schemas.request import Request

HOSTILE = [
    b"",
    b"null garbage",
    b"\xff\xfe",
    b"\xef\xbb\xbf{}",
    b'{"a":NaN}',
    b'{"a":Infinity}',
    b'{"a":1e999}',
    b'{"a":-1e999}',
    b'{"a":1,"a":2}',
    b'{"a" :1,"a":2}',
    b'{"a"  :1,"a":2}',
    b'{"b":":","a":1,"a":2}',
    b'{"b":"\\":","a":1,"a" :2}',
    b'{"x":{"a":1,"a":2}}',
    b'[{"a":1,"\\u0061":2}]',
    b'{"a":18446744073709551616}',
    b'{"a":9007199254740993}',
    b'{"a":-9007199254740993}',
    b'{"a":[18446744073709551616]}',
    b"18446744073709551616",
    b"9007199254740993",
    b'{"a":"\\ud800"}',
    b'{"\\ud800":1}',
    b'{"a":"\\u0000"}',
    b'{"\\u0000":1}',
    b'["\\u0000"]',
    b'"\\u0000"',
    b"[" * 33 + b"]" * 33,
    b"[" * 10_000,
    b'{"a":' * 40 + b"1" + b"}" * 40,
    b'{"a":' + b"1" * 5_000 + b"}",
]


@pytest.mark.parametrize("raw", HOSTILE, ids=lambda raw: f"{raw[:24]!r}+{len(raw)}")
def test_what_two_readers_could_understand_differently_is_refused(raw: bytes) -> None:
    with pytest.raises(MessageError) as caught:
        parse_json(raw)

    assert caught.value.code == "unreadable"
    assert len(caught.value.reason) < 300


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":"\\\\u0000"}',
        b'{"a":"12:00:00"}',
        b'{"a" : 1, "b":2}',
        b'{"a":9007199254740992}',
        b'{"a":1e30}',
        b'{"a":"\\ud83d\\ude00"}',
        b"[" * 32 + b"]" * 32,
        b'{"a":":","b":"\\":"}',
    ],
    ids=repr,
)
def test_what_only_looks_suspicious_is_read_like_any_other(raw: bytes) -> None:
    assert parse_json(raw) == json.loads(raw)


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(['":', '\\":', " :", "\\", "\x00", "\ud800"])
)
keys = st.sampled_from(["a", "b", ":", '"', "\\", " ", "ㅏ", "\x00"]) | st.text(max_size=3)
Written = tuple[str, Any]


def write(value: Any, draw: Any) -> str:
    """Write `value` as JSON; objects are lists of pairs, so that keys may stand twice."""
    space = draw(st.sampled_from(["", "", " ", "\n", "\t\r "]))
    if isinstance(value, dict):
        pairs = value["pairs"]
        inner = ",".join(f"{json.dumps(k)}{space}:{space}{write(v, draw)}" for k, v in pairs)
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{','.join(write(item, draw) for item in value)}]"
    return json.dumps(value, ensure_ascii=draw(st.booleans()))


values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.builds(lambda pairs: {"pairs": pairs}, st.lists(st.tuples(keys, inner), max_size=4))
    ),
    max_leaves=12,
)


def outcome(parse: Any, raw: bytes) -> Any:
    try:
        return repr(parse(raw))
    except MessageError as error:
        return error.code


@given(values, st.data())
def test_the_fast_parser_decides_as_the_exact_one(value: Any, data: Any) -> None:
    raw = write(value, data.draw).encode("utf-8", "surrogatepass")

    assert outcome(parse_json, raw) == outcome(parse_exact, raw)


@given(st.binary(max_size=64))
def test_any_bytes_give_a_value_or_a_clear_refusal(raw: bytes) -> None:
    assert outcome(parse_json, raw) == outcome(parse_exact, raw)


def test_a_document_over_the_limit_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(MessageError, match="262145 bytes"):
        parse_json(b" " * 262_145)


request_documents: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "workflow_id": st.sampled_from(["milling", "Milling", "", "a" * 65, 1, None]),
        "input_data": st.sampled_from([{}, {"a": 1}, [], None, "x"]),
        "request_id": st.sampled_from(["r-1", "ä", "", "x" * 65, None, 5]),
        "tenant": st.sampled_from(["default", "acme", "ACME", None, 7, []]),
        "method": st.sampled_from(["rule", "hybrid", "llm", "magic", None, []]),
        "deadline_ms": st.sampled_from([1, 0, -5, 1.5, "7", None, True]),
        "correlation_id": st.sampled_from(["c", "", "x" * 129, None, 4]),
        "submitted_by": st.sampled_from(["eve", None, 4]),
        "test": st.sampled_from([True, False, None, 1, "true"]),
        "unheard_of": st.just(1),
    },
)


@given(request_documents)
def test_a_request_is_read_exactly_when_its_schema_accepts_it(document: dict[str, Any]) -> None:
    raw = json.dumps(document).encode()
    try:
        expected: Any = Request.model_validate(document)
    except ValueError:
        expected = None

    try:
        parsed: Any = parse_request(raw)
    except MessageError as error:
        parsed, code = None, error.code
    else:
        code = "invalid_request"

    assert code == "invalid_request"
    assert (parsed is None) == (expected is None)
    if parsed is not None:
        for name, value in parsed._asdict().items():
            assert value == getattr(expected, name)


def test_a_tombstone_and_an_empty_value_are_buried_as_empty() -> None:
    for raw in (None, b""):
        with pytest.raises(MessageError) as caught:
            parse_request(raw)
        assert caught.value.code == "empty"


def test_a_client_cannot_say_who_submitted() -> None:
    parsed = parse_request(b'{"workflow_id":"w","input_data":{},"submitted_by":"root"}')

    assert "submitted_by" not in parsed._fields


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "raw", [b'"' + b'\\"' * 131_000, b"[" + b'"a\\"",' * 40_000, b'"' * 262_000]
)
def test_no_document_takes_long_to_refuse(raw: bytes) -> None:
    """A pattern that starts over at every quote held the whole process for half an hour."""
    with pytest.raises(MessageError):
        parse_json(raw)
