"""Parsing results: the quick checks let through exactly what pydantic lets through, and no more."""

import copy
import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.errors import MessageError
from schemas.judgment import Judgment
from sinks.postgres import rows
from sinks.postgres.rows import COLUMNS, parse_request_origin, parse_row
from tests.support.results import encode_judgment

SAMPLE: dict[str, Any] = orjson.loads(encode_judgment("r-1", 5))
ODD: list[Any] = [
    None, True, False, 0, 1, -1, 0.5, 1.5, 2**31, 2**63, 2**64, "", "x", "rule", "llm", "decided", "error",
    "A", "a" * 65, "0" * 64, "0" * 63, "2025-06-15T15:06:40.000Z", "2025-06-31T15:06:40.000Z", "한국",
    "r-1\n", [], ["a"], [1], {}, {"code": "c", "message": "m"}, {"code": 1, "message": "m"}, {"a": 1},
]  # fmt: skip
LLM = {
    "model": "m", "prompt_version": "1", "prompt_sha256": "0", "tokens_in": 1, "tokens_out": 1,
    "cost_usd": 0.1, "latency_ms": 1.0, "cached": False, "reply": None,
}  # fmt: skip

paths = st.sampled_from(
    [(name,) for name in SAMPLE] + [("origin", name) for name in SAMPLE["origin"]]
)
changes = st.lists(st.tuples(paths, st.sampled_from([*ODD, LLM])), max_size=3)


def change(edits: list[tuple[tuple[str, ...], Any]]) -> dict[str, Any]:
    document = copy.deepcopy(SAMPLE)
    for path, value in edits:
        target = document
        for name in path[:-1]:
            target = target[name] if isinstance(target[name], dict) else {}
        target[path[-1]] = value
    return document


def parses(value: bytes) -> bool:
    try:
        parse_row(value)
    except MessageError:
        return False
    return True


@given(changes)
def test_whatever_is_stored_is_a_judgment_to_pydantic(
    edits: list[tuple[tuple[str, ...], Any]],
) -> None:
    value = json.dumps(change(edits)).encode()

    if parses(value):
        assert Judgment.model_validate(orjson.loads(value)).judgment_id


@given(changes)
def test_a_shape_that_was_seen_does_not_weaken_the_checks(
    edits: list[tuple[tuple[str, ...], Any]],
) -> None:
    value = json.dumps(change(edits)).encode()
    rows._known_shapes.clear()
    fresh = parses(value)

    assert parses(value) == fresh


@given(
    st.sampled_from(["decided", "undetermined", "expired", "error"]),
    st.sampled_from(["rule", "hybrid", "llm"]),
    st.one_of(st.none(), st.floats(0, 1)),
    st.one_of(st.none(), st.text(max_size=20)),
    st.sampled_from([None, LLM]),
)
def test_a_judgment_of_ours_is_stored_as_long_as_postgresql_can_hold_it(
    status: str, method: str, confidence: float | None, rule: str | None, llm: Any
) -> None:
    value = encode_judgment(
        "r", 1, status=status, method=method, confidence=confidence, rule=rule, llm=llm
    )

    assert parses(value) == (rule is None or "\x00" not in rule)


def test_shapes_are_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    rows._known_shapes.clear()
    monkeypatch.setattr(rows, "SHAPES_MAX", 1)

    assert parses(encode_judgment("a", 1))
    assert parses(encode_judgment("b", 1, correlation_id="c"))

    assert len(rows._known_shapes) == 1


def test_a_row_has_a_value_for_each_column_and_the_input_as_it_was() -> None:
    value = encode_judgment("r-9", 3, input_data={"a": "\\u0000", "b": [1.0, 2**53]})

    row = dict(zip(COLUMNS, parse_row(value), strict=True))

    assert row["request_id"] == "r-9"
    assert orjson.loads(row["input_data"]) == {"a": "\\u0000", "b": [1.0, 2**53]}
    assert orjson.loads(row["detail"])["engine"] == "0.1.0"


@pytest.mark.parametrize("nul", [rb"\u0000", rb"\\\u0000", rb"x\\\\\u0000"])
def test_an_escaped_nul_is_refused(nul: bytes) -> None:
    value = encode_judgment(reason="HERE").replace(b"HERE", nul)

    with pytest.raises(MessageError, match="PostgreSQL cannot store"):
        parse_row(value)


@pytest.mark.parametrize("text", [rb"\\u0000", rb"\\\\u0000", rb"u0000", rb"\\n\\u00000"])
def test_what_only_looks_like_an_escaped_nul_is_kept(text: bytes) -> None:
    assert parses(encode_judgment(reason="HERE").replace(b"HERE", text))


def test_the_origin_is_told_even_where_the_rest_is_wrong() -> None:
    value = encode_judgment("r", 8).replace(b'"decided"', b"7")

    assert parse_request_origin(value) == "judgify.requests.v1/0/8/1750000000008"


@pytest.mark.parametrize("value", [None, b"", b"[]", b"{}", b'{"origin": 3}', b"not json"])
def test_no_origin_is_invented(value: bytes | None) -> None:
    assert parse_request_origin(value) is None


def test_pydantic_refuses_what_the_tests_call_odd() -> None:
    with pytest.raises(ValidationError):
        Judgment.model_validate(change([(("status",), "x")]))
