"""Who gives an order is known before anything is done, in a form that everything can keep."""

import pytest

from tests.support.commands import Commands

NOT_UTF8 = "J\udcf6rg"
"""As Python reads the argument of a terminal that writes Latin-1."""


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(monkeypatch, capsys)


@pytest.mark.parametrize(
    "order",
    [
        ["dead-letters", "redrive", "--kind", "skip", "--yes"],
        ["skip", "judgify.requests.v1/0/1", "--reason", "r"],
        ["control", "set", "llm.enabled", "false"],
    ],
)
def test_an_author_that_nobody_can_keep_is_refused_before_anything_is_sent(
    commands: Commands, order: list[str]
) -> None:
    ended = commands.run(*order, "--author", NOT_UTF8)

    assert ended.code == 2
    assert "not UTF-8" in ended.stderr


def test_a_name_that_is_not_english_is_a_name(commands: Commands) -> None:
    ended = commands.run("control", "set", "no.such.switch", "false", "--author", "Jörg 김")

    assert "UTF-8" not in ended.stderr
