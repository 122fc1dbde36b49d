"""How the LLM endpoint is set: the key is never seen, and no stand-in judges in production."""

from pathlib import Path

import pytest

from runtime.setting_model import STAND_IN_MODEL, Settings
from runtime.settings import load_settings
from schemas.errors import FatalError

KEY = "sk-Zq7secret"
PRODUCTION = {"ENV": "production", "ENABLE_LLM_ENGINE": "true"}


def load(environment: dict[str, str], tmp_path: Path) -> Settings:
    return load_settings(
        environment={"JUDGIFY_CONFIG_DIR": str(tmp_path), **environment}, dotenv=tmp_path / ".env"
    )


def test_no_model_and_no_key_are_assumed(tmp_path: Path) -> None:
    settings = load({}, tmp_path)

    assert settings.openai_model is None
    assert settings.openai_api_key is None
    assert settings.shown("openai_api_key") == "not set"
    assert (settings.llm_max_tokens, settings.llm_temperature) == (1_000, 0.3)
    assert (settings.llm_call_timeout_s, settings.llm_total_timeout_s) == (10, 30)


def test_production_refuses_the_stand_in_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(FatalError, match="no model"):
        load(PRODUCTION | {"OPENAI_API_KEY": KEY, "OPENAI_MODEL": STAND_IN_MODEL}, tmp_path)


def test_the_key_never_shows(tmp_path: Path) -> None:
    settings = load({"OPENAI_API_KEY": KEY}, tmp_path)

    assert settings.shown("openai_api_key") == "set"
    assert KEY not in repr(settings) + str(settings)


@pytest.mark.parametrize("key", [f"{KEY} ", f"{KEY}\n", f"{KEY}열쇠"])
def test_a_key_that_cannot_stand_in_a_header_is_refused_unquoted(key: str, tmp_path: Path) -> None:
    with pytest.raises(FatalError, match="OPENAI_API_KEY") as caught:
        load({"OPENAI_API_KEY": key}, tmp_path)

    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ftp://host/v1", "must begin with https://"),
        ("https://", "names no host: write https://host:port"),
        ("https://user@host/v1", "OPENAI_API_KEY"),
        ("https://host/v1?key=1", "query"),
    ],
)
def test_an_endpoint_that_is_none_is_refused(url: str, expected: str, tmp_path: Path) -> None:
    with pytest.raises(FatalError) as caught:
        load({"OPENAI_BASE_URL": url}, tmp_path)

    assert expected in str(caught.value)


def test_a_file_names_endpoint_and_model_but_no_key(tmp_path: Path) -> None:
    (tmp_path / "integrations.yaml").write_text(
        "llm:\n  base_url: http://gpu:8000/v1/\n  model: own/model-7b\n  api: chat\n"
    )

    settings = load({}, tmp_path)

    assert settings.openai_base_url == "http://gpu:8000/v1"
    assert (settings.openai_model, settings.llm_api) == ("own/model-7b", "chat")
    (tmp_path / "integrations.yaml").write_text("openai_api_key: x\n")
    with pytest.raises(FatalError, match="no such setting"):
        load({}, tmp_path)


def test_one_call_may_not_take_longer_than_all_of_them(tmp_path: Path) -> None:
    with pytest.raises(FatalError, match="must not exceed JUDGIFY_LLM_TOTAL_TIMEOUT_S"):
        load({"JUDGIFY_LLM_CALL_TIMEOUT_S": "31"}, tmp_path)
