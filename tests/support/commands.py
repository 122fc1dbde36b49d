"""Runs `judgify` commands inside the test's own process: as quick as a call, as whole as a start."""

import json
import sys
from typing import Any, NamedTuple

import pytest

from judgify.cli.main import main


class Ended(NamedTuple):
    """What a command left behind."""

    code: int
    stdout: str
    stderr: str


class Commands:
    """Runs commands in the environment that `monkeypatch` has made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def run(self, *arguments: str) -> Ended:
        self._monkeypatch.setattr(sys, "argv", ["judgify", *arguments])
        self._capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        return Ended(code, *self._capsys.readouterr())

    def run_well(self, *arguments: str) -> str:
        """Return what the command printed; fail the test when it failed."""
        ended = self.run(*arguments)
        assert ended.code == 0, ended.stderr
        return ended.stdout

    def read(self, *arguments: str) -> Any:
        """Return the JSON that the command prints with `--json`."""
        return json.loads(self.run_well(*arguments, "--json"))
