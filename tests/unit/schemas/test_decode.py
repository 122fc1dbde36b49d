"""The fast parser decides exactly as the exact one does."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.decode import (
    INPUT_COPIED_BYTES_MAX,
    REQUEST_BYTES_MAX,
    ParsedRequest,
    parse_json,
    parse_request,
)
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
        assert_is(parsed, expected)


def assert_is(parsed: ParsedRequest, expected: Request) -> None:
    fields = parsed._asdict()
    copied = fields.pop("input_json")
    assert fields == {name: getattr(expected, name) for name in fields}
    if copied is not None:
        assert repr(parse_exact(copied)) == repr(parsed.input_data)


head_members = st.sampled_from(
    [
        ("workflow_id", '"milling"'),
        ("workflow_id", '"Milling"'),
        ("workflow_id", '"a","input_data":{}'),
        ("request_id", '"r-1"'),
        ("request_id", '"r:2"'),
        ("request_id", "null"),
        ("request_id", '"\\u0072"'),
        ("tenant", '"acme"'),
        ("tenant", '""'),
        ("method", '"rule"'),
        ("method", '"magic"'),
        ("test", "true"),
        ("test", "false"),
        ("test", "1"),
        ("unheard_of", '"input_data"'),
        ("input_data", "{}"),
    ]
)
ends = st.sampled_from(["}", "}", "}", "} ", "}\n", " }", "", "}}", ',"test":true}', ',"a":1}'])


@given(st.lists(head_members, max_size=5), values, ends, st.data())
def test_a_request_with_its_input_last_is_read_as_any_other(
    head: list[tuple[str, str]], value: Any, end: str, data: Any
) -> None:
    space = data.draw(st.sampled_from(["", " ", "  "]))
    if data.draw(st.booleans()):
        head = [("workflow_id", '"milling"'), *head]
    members = [f'"{name}":{space}{text}' for name, text in head]
    members.append(f'"input_data":{space}{write(value, data.draw)}')
    raw = f"{{{f',{space}'.join(members)}{end}".encode("utf-8", "surrogatepass")

    assert outcome(read_fast, raw) == outcome(read_plainly, raw)


def read_fast(raw: bytes) -> Any:
    parsed = parse_request(raw)
    if parsed.input_json is not None:
        assert repr(parse_exact(parsed.input_json)) == repr(parsed.input_data)
    return tuple(parsed[:8])


def read_plainly(raw: bytes) -> Any:
    """Return what the exact parser and the schema make of a request."""
    try:
        read = Request.model_validate(parse_exact(raw))
    except ValueError:
        raise MessageError("invalid_request", "not by the schema") from None
    return tuple(getattr(read, name) for name in ParsedRequest._fields[:8])


def test_a_usual_request_is_read_without_a_detour() -> None:
    raw = b'{"tenant": "acme", "request_id": "r", "workflow_id": "w", "input_data": {"a": 1.50}}'

    assert parse_request(raw).input_json == b'{"a": 1.50}'


@pytest.mark.parametrize(
    "raw",
    [
        b'{"workflow_id":"w","input_data":{"a":"' + b"x" * INPUT_COPIED_BYTES_MAX + b'"}}',
        b'{"workflow_id":"w","input_data":{"a":' + b" " * INPUT_COPIED_BYTES_MAX + b"1}}",
        b'{"workflow_id":"w","input_data":{"a":"\\n\\u0041\\\\"}}',
    ],
    ids=["long", "padded", "escaped"],
)
def test_an_input_that_is_not_vouched_for_is_not_copied(raw: bytes) -> None:
    assert parse_request(raw).input_json is None


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


@pytest.mark.parametrize(
    "raw",
    [
        b'{"workflow_id":"w","workflow_id":"w","input_data":{}}',
        b'{"test":false,"workflow_id":"w","test":true,"input_data":{}}',
        b'{"workflow_id":"w","request_id":"a:b","request_id":"c","input_data":{}}',
        b'{"workflow_id":"w","tenant":"a","tenant":"a","input_data":{}}',
        b'{"workflow_id":"w","method":"rule","method":"llm","input_data":{}}',
        b'{"workflow_id":"w","input_data":{"a":1,"a":2}}',
        b'{"workflow_id":"w","input_data":{"a":"\\u0000"}}',
        b'{"workflow_id":"w","input_data":{"a":9007199254740993}}',
        b'{"workflow_id":"w","input_data":{"a":1}]',
        b'{"workflow_id":"w","input_data":{"a":1}"',
        b'{"workflow_id":"w","input_data":' + b'{"a":' * 32 + b"1" + b"}" * 33,
        b'{"request_id":"r","input_data":{}}',
    ],
)
def test_a_usual_beginning_makes_nothing_readable_that_is_not(raw: bytes) -> None:
    assert isinstance(outcome(read_plainly, raw), str)
    assert outcome(read_fast, raw) == outcome(read_plainly, raw)


def test_the_deepest_input_that_is_read_is_read_either_way() -> None:
    raw = b'{"workflow_id":"w","input_data":' + b'{"a":' * 31 + b"1" + b"}" * 32

    assert outcome(read_fast, raw) == outcome(read_plainly, raw)
    assert parse_request(raw).workflow_id == "w"


def test_a_usual_request_over_the_limit_is_refused_before_it_is_parsed() -> None:
    raw = b'{"workflow_id":"w","input_data":{"a":"' + b"x" * REQUEST_BYTES_MAX + b'"}}'

    with pytest.raises(MessageError) as caught:
        parse_request(raw)
    assert caught.value.code == "too_large"
