"""How the doctor judges the LLM's settings and what its endpoint says of itself."""

from pathlib import Path
from typing import Any

import pytest

from agents.llm.outcome import Failure, FailureKind
from judgify.doctor.checks import llm
from judgify.doctor.checks.llm import look
from tests.support.subjects import look_at, make_subject, told

SET: dict[str, Any] = {
    "enable_llm_engine": True,
    "openai_base_url": "http://127.0.0.1:1/v1",
    "openai_api_key": "k",
    "openai_model": "m-1",
}
PRODUCTION = {"env": "production", "profile": "production"}


def ask(tmp_path: Path, **settings: Any) -> str:
    return told(look_at(look, make_subject(tmp_path, **settings)))


def answer(monkeypatch: pytest.MonkeyPatch, models: tuple[str, ...] | Failure) -> None:
    async def list_models(_: object) -> tuple[str, ...] | Failure:
        return models

    monkeypatch.setattr(llm, "_list_models", list_models)


@pytest.mark.parametrize("settings", [{}, PRODUCTION, {"openai_api_key": "k"}, SET], ids=str)
def test_a_lane_that_is_off_never_fails(tmp_path: Path, settings: dict[str, Any]) -> None:
    said = ask(tmp_path, **settings | {"enable_llm_engine": False})

    assert said.startswith("skip: switched off")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "ok: no key is set"),
        (PRODUCTION, "fail: no key while ENV=production. set OPENAI_API_KEY"),
        ({"openai_api_key": "k"}, "fail: OPENAI_MODEL is not set"),
        ({"openai_base_url": "http://gpu:8000/v1"}, "fail: OPENAI_MODEL is not set"),
    ],
)
def test_what_is_not_set_is_told_without_asking_anybody(
    tmp_path: Path, settings: dict[str, Any], words: str
) -> None:
    assert ask(tmp_path, enable_llm_engine=True, **settings).startswith(words)


@pytest.mark.parametrize(
    ("models", "words"),
    [
        (("m-0", "m-1"), "ok: m-1 at http://127.0.0.1:1/v1"),
        ((), "ok: m-1"),
        (("m-0",), "warn: http://127.0.0.1:1/v1 does not name m-1"),
    ],
)
def test_the_model_is_looked_for_among_those_that_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, models: tuple[str, ...], words: str
) -> None:
    answer(monkeypatch, models)

    assert ask(tmp_path, **SET).startswith(words)


@pytest.mark.parametrize(
    ("kind", "level"),
    [("auth", "fail"), ("quota", "fail"), ("timeout", "warn"), ("bad_request", "warn")],
)
def test_what_passes_by_itself_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: FailureKind, level: str
) -> None:
    answer(monkeypatch, Failure(kind, "so it is"))

    said = ask(tmp_path, **SET)

    assert said.startswith(f"{level}: http://127.0.0.1:1/v1")
    assert "so it is" in said


def test_the_stand_in_is_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, ("judgify-fake",))

    assert "a stand-in, no model" in ask(tmp_path, **SET | {"openai_model": "judgify-fake"})


def test_an_endpoint_that_is_away_is_found_to_be(tmp_path: Path) -> None:
    said = ask(tmp_path, **SET)

    assert said.startswith("warn: http://127.0.0.1:1/v1")
