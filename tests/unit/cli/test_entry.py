"""What a process of ours obeys before it has imported anything."""

import signal
import subprocess
import sys

import pytest

ASKED_TO_END_WHILE_IMPORTING = """
import os, signal, sys

class Interrupting:
    def find_spec(self, name, path, target=None):
        if name == "judgify.cli.main":
            os.kill(os.getpid(), signal.SIGTERM)

sys.meta_path.insert(0, Interrupting())
from judgify.entry import main
main()
"""


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["run", "rule-agent"], 0),
        (["run", "nobody"], 0),
        (["judge", "run"], -signal.SIGTERM),
        ([], -signal.SIGTERM),
    ],
)
def test_sigterm_during_the_imports_is_a_good_end_of_a_process_and_of_nothing_else(
    words: list[str], code: int
) -> None:
    command = [sys.executable, "-c", ASKED_TO_END_WHILE_IMPORTING, *words]

    ended = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)

    assert ended.returncode == code, ended.stderr
