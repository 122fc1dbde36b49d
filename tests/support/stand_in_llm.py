"""Runs `judgify fake-llm` as a process of its own, steers it, and looks at what it was asked."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.waiting import wait_until

ANSWER_TIMEOUT_S = 10.0
EXIT_TIMEOUT_S = 15.0


class StandInLlm:
    """A running stand-in."""

    def __init__(self, process: "subprocess.Popen[str]", base_url: str) -> None:
        self.process = process
        self.base_url = base_url

    def follow(self, **script: Any) -> None:
        """Put a script in force; counting starts anew."""
        self._ask("/_script", json.dumps(script).encode())

    def fail(self, kind: str, **fault: Any) -> None:
        """Put a script in force that has one fault."""
        self.follow(faults=[{"kind": kind, **fault}])

    def calls(self) -> dict[str, Any]:
        """Return what it was asked since the last script."""
        return self._ask("/_calls")

    def bodies(self) -> list[dict[str, Any]]:
        """Return the last questions, oldest first."""
        return [call["body"] for call in self.calls()["last"]]

    def wait_until_idle(self) -> None:
        """Wait until nobody waits for an answer any more."""
        wait_until(lambda: self.calls()["in_flight"] == 0, EXIT_TIMEOUT_S, what="an idle stand-in")

    def stop(self) -> int:
        """End it by SIGTERM; return its exit code."""
        self.process.terminate()
        return self.process.wait(EXIT_TIMEOUT_S)

    def _ask(self, path: str, body: bytes | None = None) -> dict[str, Any]:
        url = self.base_url + path
        with urllib.request.urlopen(url, body, ANSWER_TIMEOUT_S) as answer:  # noqa: S310 -- ours
            found: dict[str, Any] = json.load(answer)
        return found


@contextmanager
def run_stand_in_llm(*options: str, script: Path | None = None) -> Iterator[StandInLlm]:
    """Start a stand-in on a free port; end it afterwards, whatever happened."""
    given = ["--script", str(script)] if script else []
    process = subprocess.Popen(
        [sys.executable, "-m", "judgify", "fake-llm", "--port", "auto", *given, *options],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert "http" in line, "it says where it listens"
        yield StandInLlm(process, line.split()[-1])
    finally:
        process.kill()
        process.wait(EXIT_TIMEOUT_S)
        process.stdout.close()
