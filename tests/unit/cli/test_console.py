"""The console: one clear line per failure, and no record can drive the terminal."""

import json
import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from judgify.cli import console
from schemas.errors import DependencyError, FatalError, MessageError

ESCAPE = re.compile(r"\x1b")


def test_a_failure_is_said_on_stderr_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        console.fail("port 8002 is taken", hint="--port-base 9000", code=2)

    said = capsys.readouterr()
    assert exit_.value.code == 2
    assert said.out == ""
    assert said.err == "error: port 8002 is taken\n  do: --port-base 9000\n"


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (FatalError("LOG_LEVEL is wrong"), 2, "LOG_LEVEL is wrong"),
        (DependencyError("kafka", "refused"), 1, "kafka: refused"),
        (MessageError("unreadable", "no JSON"), 1, "unreadable: no JSON"),
    ],
)
def test_errors_of_ours_become_one_line_and_an_exit_code(
    error: Exception, code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_, console.report_failures():
        raise error

    assert exit_.value.code == code
    assert capsys.readouterr().err == f"error: {words}\n"


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError), console.report_failures():
        _ = 1 / 0


def test_an_interrupt_ends_with_the_exit_code_of_one() -> None:
    with pytest.raises(SystemExit) as exit_, console.report_failures():
        raise KeyboardInterrupt

    assert exit_.value.code == console.EXIT_INTERRUPTED


def test_report_failures_works_as_a_decorator(capsys: pytest.CaptureFixture[str]) -> None:
    @console.report_failures()
    def command() -> None:
        raise DependencyError("kafka", "away")

    with pytest.raises(SystemExit):
        command()

    assert "kafka: away" in capsys.readouterr().err


@pytest.mark.parametrize("hostile", ["\x1b]0;owned\x07", "\x9b2J", "a\rb", "\x00", "\x7f"])
def test_text_out_of_a_record_cannot_drive_the_terminal(
    hostile: str, capsys: pytest.CaptureFixture[str]
) -> None:
    console.say(hostile)
    console.print_table(["key"], [[hostile]])
    with pytest.raises(SystemExit):
        console.fail(hostile, hint=hostile)

    said = capsys.readouterr()
    left = {character for character in said.out + said.err if not character.isprintable()}
    assert left <= {"\n"}
    assert "\\x" in said.out


def test_markup_in_a_record_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    console.say("[red]x[/red] :boom:")
    console.print_table(["key"], [["[bold]y[/bold]"]])

    said = capsys.readouterr().out
    assert "[red]x[/red] :boom:" in said
    assert "[bold]y[/bold]" in said


def test_a_table_in_a_pipe_is_not_folded(capsys: pytest.CaptureFixture[str]) -> None:
    wide = "x" * 400

    console.print_table(["a", "b"], [[wide, 12_345], [None, True]])

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert wide in lines[1]
    assert "12,345" in lines[1]
    assert lines[2].split() == ["-", "yes"]


def test_no_color_is_honoured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")

    console.say("red", style="red")

    assert not re.search(r"\x1b\[3\d", capsys.readouterr().out)


def test_json_is_one_document_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_json({"path": Path("a"), "bytes": b"\xff", "set": {2, 1}, 3: SecretStr("hidden")})

    said = capsys.readouterr().out
    assert json.loads(said) == {"path": "a", "bytes": "\\xff", "set": [1, 2], "3": "**********"}
    assert not ESCAPE.search(said)
