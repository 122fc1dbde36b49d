"""Laws of the price table: exact sums, dear when unknown, and errors that say where."""

import datetime as dt
import re
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from structlog.testing import capture_logs

from agents.llm.prices import (
    NANO_PER_USD,
    WARNINGS_MAX,
    Prices,
    load_prices,
    nano_of_usd,
    usd_of_nano,
)
from schemas.errors import FatalError


@pytest.fixture(scope="module")
def prices() -> Prices:
    return load_prices()


def write(directory: Path, text: str) -> Path:
    path = directory / "prices.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_million_tokens_cost_what_the_table_says(prices: Prices) -> None:
    assert prices.cost_nano_usd("gpt-4o-mini", 1_000_000, 0) == 150_000_000
    assert prices.cost_nano_usd("gpt-4o-mini", 0, 1_000_000) == 600_000_000


def test_a_million_small_calls_cost_exactly_a_million_times_one(prices: Prices) -> None:
    one = prices.cost_nano_usd("gpt-5-nano", 7, 3)

    assert one * 1_000_000 == prices.cost_nano_usd("gpt-5-nano", 7_000_000, 3_000_000)


def test_a_dated_release_costs_what_its_model_costs(prices: Prices) -> None:
    plain = prices.cost_nano_usd("gpt-4o-mini", 1_000, 1_000)

    assert prices.cost_nano_usd("gpt-4o-mini-2024-07-18", 1_000, 1_000) == plain
    assert prices.cost_nano_usd("gpt-4o-mini-realtime", 1_000, 1_000) > plain


def test_an_unknown_model_is_dear_and_warned_of_once() -> None:
    prices = load_prices()

    with capture_logs() as logs:
        costs = {prices.cost_nano_usd("somebody/else:70b", 1_000, 1_000) for _ in range(5)}

    assert costs == {prices.cost_nano_usd("another", 1_000, 1_000)}
    warned = [line for line in logs if line["event"] == "llm_price_unknown"]
    assert [line["model"] for line in warned] == ["somebody/else:70b"]


def test_the_default_is_as_dear_as_the_dearest_that_we_name() -> None:
    raw = YAML(typ="safe", pure=True).load((files("agents.llm") / "prices.yaml").read_bytes())

    for way in ("in", "out"):
        assert raw["default"][way] >= max(price[way] for price in raw["models"].values())


def test_warnings_of_ever_new_models_end() -> None:
    prices = load_prices()

    with capture_logs() as logs:
        for number in range(WARNINGS_MAX * 2):
            prices.cost_nano_usd(f"model-{number}", 1, 1)

    assert len(logs) == WARNINGS_MAX


def test_the_stand_in_costs_nothing_unless_a_file_says_so(prices: Prices, tmp_path: Path) -> None:
    path = write(tmp_path, "models: {judgify-fake: {in: 1, out: 2}}")

    assert prices.cost_nano_usd("judgify-fake", 1_000, 1_000) == 0
    assert load_prices(path).cost_nano_usd("judgify-fake", 1_000, 1_000) == 3_000_000


def test_a_file_adds_to_our_table_and_wins_over_it(tmp_path: Path) -> None:
    path = write(tmp_path, "default: {in: 1, out: 1}\nmodels: {gpt-4o: {in: 0.001, out: 0}}\n")

    theirs = load_prices(path)

    assert theirs.cost_nano_usd("gpt-4o", 1, 10_000) == 1
    assert theirs.cost_nano_usd("unheard-of", 1, 0) == 1_000
    assert theirs.cost_nano_usd("gpt-4o-mini", 1_000, 0) == 150_000


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("models: {m: {in: -1, out: 1}}", "models.m.in"),
        ("models: {m: {in: .nan, out: 1}}", "models.m.in"),
        ("models: {m: {in: .inf, out: 1}}", "models.m.in"),
        ("models: {m: {in: 0.0001, out: 1}}", "models.m.in"),
        ("models: {m: {in: 99999, out: 1}}", "models.m.in"),
        ("models: {m: {in: true, out: 1}}", "models.m.in"),
        ("models: {m: {in: cheap, out: 1}}", "models.m.in"),
        ("models: {m: {in: 1}}", "models.m.out"),
        ("models: {m: {in: 1, out: 1, cached: 1}}", "models.m.cached"),
        ("modles: {}", "modles"),
        ("[1, 2]", "the file"),
        ("models: {m: [", "no YAML"),
        ("a: 1\na: 2", "no YAML"),
        ("!!python/object:os.system {}", "no YAML"),
    ],
)
def test_a_file_that_says_something_else_is_refused(tmp_path: Path, text: str, where: str) -> None:
    path = write(tmp_path, text)

    with pytest.raises(FatalError, match=re.escape(where)) as caught:
        load_prices(path)

    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_or_far_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FatalError, match=r"JUDGIFY_LLM_PRICES.*cannot be read"):
        load_prices(tmp_path / "absent.yaml")
    with pytest.raises(FatalError, match="over 1,048,576 bytes"):
        load_prices(write(tmp_path, "#" * 1_048_577))


@given(tokens_in=st.integers(), tokens_out=st.integers())
def test_no_count_of_tokens_makes_a_cost_below_zero_or_without_bound(
    prices: Prices, tokens_in: int, tokens_out: int
) -> None:
    cost = prices.cost_nano_usd("unknown", tokens_in, tokens_out)

    assert 0 <= cost <= 1_000 * NANO_PER_USD


@given(st.floats(min_value=0.001, max_value=1_000_000))
def test_a_limit_in_dollars_is_never_rounded_up(amount_usd: float) -> None:
    assert usd_of_nano(nano_of_usd(amount_usd)) <= amount_usd
    assert nano_of_usd(amount_usd) >= amount_usd * NANO_PER_USD - 1


def test_the_table_says_of_when_it_is(prices: Prices) -> None:
    text = (files("agents.llm") / "prices.yaml").read_text(encoding="utf-8")

    stated = re.search(r"State of (\w+ \d{4})", text)
    assert stated
    assert dt.datetime.strptime(stated[1], "%B %Y").replace(tzinfo=dt.UTC).year >= 2026
    assert "check your provider" in text
