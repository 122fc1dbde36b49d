"""The table of switches: the strictest place wins, and nothing else than its values is taken."""

from contextlib import suppress
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import MessageError
from topics.switch_table import NETWORKS_MAX, SWITCHES, SwitchSpec, find_switch, show

CHOOSING = [spec for spec in SWITCHES.values() if spec.choices]


@pytest.mark.parametrize("spec", CHOOSING, ids=lambda spec: spec.name)
def test_the_most_restrictive_of_any_places_wins_in_any_order(spec: SwitchSpec) -> None:
    permissive, strict = spec.choices

    for values in permutations([permissive, strict, permissive]):
        assert spec.strictest(values) == strict
    assert spec.strictest([permissive]) == permissive


@pytest.mark.parametrize("spec", SWITCHES.values(), ids=lambda spec: spec.name)
def test_the_default_holds_when_no_place_speaks(spec: SwitchSpec) -> None:
    assert spec.strictest([]) == spec.default


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("llm.enabled", True),
        ("ingest.mode", "open"),
        ("ingest.deny_cidrs", ()),
        ("actions.mode", "live"),
        ("redis.enabled", True),
    ],
)
def test_the_defaults_are_the_documented_ones(name: str, default: Any) -> None:
    assert SWITCHES[name].default == default


def test_deny_lists_are_united() -> None:
    spec = SWITCHES["ingest.deny_cidrs"]

    assert spec.strictest([("10.0.0.0/8",), ("10.0.0.0/8", "::1/128")]) == ("10.0.0.0/8", "::1/128")


@given(
    value=st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.lists(st.text() | st.none() | st.integers())
)
def test_a_value_is_either_refused_or_one_of_the_allowed(value: Any) -> None:
    for spec in SWITCHES.values():
        with suppress(MessageError):
            parsed = spec.parse(value)
            assert parsed in spec.choices if spec.choices else isinstance(parsed, tuple)


@pytest.mark.parametrize("value", [1, 0, "true", None, []])
def test_a_flag_takes_nothing_that_merely_equals_a_flag(value: Any) -> None:
    with pytest.raises(MessageError, match=r"llm\.enabled.*true, false"):
        SWITCHES["llm.enabled"].parse(value)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("llm.enabled", "FALSE", False),
        ("llm.enabled", "on", True),
        ("ingest.mode", " closed ", "closed"),
        ("ingest.deny_cidrs", "10.0.0.0/8, 192.0.2.7", ("10.0.0.0/8", "192.0.2.7/32")),
        ("ingest.deny_cidrs", "", ()),
    ],
)
def test_what_an_operator_types_is_understood(name: str, text: str, value: Any) -> None:
    assert SWITCHES[name].parse_text(text) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("llm.enabled", "maybe"),
        ("ingest.mode", "true"),
        ("ingest.deny_cidrs", "10.0.0.5/8"),
        ("ingest.deny_cidrs", "0" * 5_000),
    ],
)
def test_what_no_switch_takes_is_refused_with_what_it_takes(name: str, text: str) -> None:
    with pytest.raises(MessageError, match="invalid_switch") as caught:
        SWITCHES[name].parse_text(text)

    assert name in caught.value.reason
    assert len(caught.value.reason) < 300


def test_a_deny_list_has_a_limit() -> None:
    spec = SWITCHES["ingest.deny_cidrs"]
    networks = [f"10.{high}.{low}.0/24" for high in range(4) for low in range(250)]

    assert len(spec.parse(networks)) == NETWORKS_MAX
    with pytest.raises(MessageError, match=str(NETWORKS_MAX)):
        spec.parse([*networks, "192.0.2.0/24"])


def test_an_unknown_switch_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(MessageError, match=r"did you mean llm\.enabled\?"):
        find_switch("llm.enable")


@pytest.mark.parametrize(("value", "text"), [(True, "true"), ("open", "open"), ((), "none")])
def test_a_value_is_shown_as_it_is_typed(value: Any, text: str) -> None:
    assert show(value) == text
