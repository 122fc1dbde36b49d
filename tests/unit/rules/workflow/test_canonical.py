"""A version names what was written, and nothing of how it was spelled."""

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.workflow.canonical import canonical_bytes, version_of
from rules.workflow.compiled import compile_workflow
from rules.workflow.problems import WorkflowErrors
from rules.workflow.reader import read_workflow
from tests.support.workflows import MILLING, TRIAL, make_document, read_milling

MILLING_VERSION = "1041e4c96a912b4e529483b9ce4a300e3665a3afaa8e1ef085516f0b1e16ebe4"


def test_the_milling_workflow_has_had_this_version_for_ever() -> None:
    assert read_milling().version == MILLING_VERSION
    assert compile_workflow(read_milling().data).version == MILLING_VERSION


def test_the_version_is_that_of_the_plain_document() -> None:
    # RFC 8785 for a document of ASCII keys and integers is what json.dumps can write too.
    document = make_document()
    plain = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()

    assert canonical_bytes(document) == plain


def test_comments_quotes_and_the_order_of_keys_change_no_version() -> None:
    text = MILLING.read_text("utf-8")
    document = read_milling().data
    respelled = json.dumps(_shuffled(document, random.Random(1)), indent=3)

    assert read_workflow(f"# another comment\n{text}\n\n").version == MILLING_VERSION
    assert (
        read_workflow(
            text.replace("'", '"').replace("confidence: 0.99", "confidence: 0.990")
        ).version
        == MILLING_VERSION
    )
    assert read_workflow(respelled).version == MILLING_VERSION


@pytest.mark.parametrize(
    ("written", "changed"),
    [
        ("200", "201"),
        ("reason: overstrain", "reason: Overstrain"),
        ("[ok, fail]", "[fail, ok]"),
        ("cool and slow", "slow"),
    ],
)
def test_whatever_is_written_differently_is_another_version(written: str, changed: str) -> None:
    text = MILLING.read_text("utf-8")
    assert written in text

    assert read_workflow(text.replace(written, changed)).version != MILLING_VERSION


def test_a_default_that_is_written_out_is_another_version() -> None:
    assert version_of(make_document(min_confidence=0.7)) != version_of(make_document())


def test_numbers_and_letters_have_one_spelling() -> None:
    assert version_of({"n": 3.0, "한": "한"}) == version_of(
        {"n": 3, "\u1112\u1161\u11ab": "\u1112\u1161\u11ab"}
    )


def test_what_json_cannot_hold_has_no_version() -> None:
    deep: Any = []
    for _ in range(100):
        deep = [deep]
    for value in (float("nan"), float("inf"), 2**53 + 1, 1e17, "\ud800", b"x", {1: 2}, deep):
        with pytest.raises(WorkflowErrors, match="canonical JSON"):
            version_of({"x": value})


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-(2**53), 2**53) | st.floats(1e21, 1e308) | st.text(st.characters(exclude_categories=["Cs"]), max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc한", max_size=4), inner, max_size=3),
    max_leaves=10,
)  # fmt: skip


@given(st.dictionaries(st.text("xyz", max_size=3), _VALUES, max_size=4), st.randoms())
def test_canonical_bytes_are_their_own_canonical_form(
    document: dict[str, Any], chance: random.Random
) -> None:
    raw = canonical_bytes(document)

    assert canonical_bytes(json.loads(raw)) == raw
    assert canonical_bytes(_shuffled(document, chance)) == raw


def test_the_trial_workflow_is_sound() -> None:
    document = read_workflow(TRIAL.read_text("utf-8"), "test.yaml")

    assert (document.id, document.warnings) == ("test", ())


def _shuffled(value: Any, chance: random.Random) -> Any:
    if isinstance(value, dict):
        keys = list(value)
        chance.shuffle(keys)
        return {key: _shuffled(value[key], chance) for key in keys}
    return [_shuffled(each, chance) for each in value] if isinstance(value, list) else value
