"""Text that is not UTF-8 is refused before anything is done, whatever option brings it."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

from judgify.cli import main
from judgify.cli.broken_text import refuse_broken_text
from tests.support.commands import Commands

NOT_UTF8 = "J\udcf6rg"
"""As Python reads the argument of a terminal that writes Latin-1."""


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(monkeypatch, capsys)


@pytest.mark.parametrize("option", ["--agent", "--kind", "--code", "--topic", "--author"])
def test_every_text_option_of_a_command_refuses_what_is_not_utf8(
    commands: Commands, option: str
) -> None:
    ended = commands.run("dead-letters", "redrive", option, NOT_UTF8)

    assert ended.code == 2
    assert option in ended.stderr
    assert "is not UTF-8" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["judgments", "show", NOT_UTF8],
        ["judgments", "list", "--correlation-id", NOT_UTF8],
        ["dead-letters", "redrive", "requests/0/1", NOT_UTF8],
        ["skip", "judgify.requests.v1/0/1", "--reason", NOT_UTF8],
        ["run", NOT_UTF8],
    ],
)
def test_so_does_every_command(commands: Commands, words: list[str]) -> None:
    ended = commands.run(*words)

    assert ended.code == 2
    assert "Traceback" not in ended.stderr


def find_leaves(command: Any) -> Iterator[Any]:
    below = getattr(command, "commands", None)
    if below is None:
        yield command
    for each in (below or {}).values():
        yield from find_leaves(each)


@pytest.mark.parametrize("name", sorted(main.COMMANDS))
def test_no_command_is_left_out(name: str) -> None:
    module = importlib.import_module(f"judgify.cli.{main.COMMANDS[name].module}")
    command = get_command(module.app)
    refuse_broken_text(command)

    for leaf in find_leaves(command):
        text = next((it.name for it in leaf.params), None)
        if text is not None:
            with pytest.raises(typer.BadParameter, match="is not UTF-8"):
                leaf.callback(**{text: NOT_UTF8})


def test_a_file_may_have_any_name(commands: Commands, tmp_path: Path) -> None:
    ended = commands.run("judge", str(tmp_path / f"{NOT_UTF8}.csv"), "--workflow", "milling")

    assert "UTF-8" not in ended.stderr
