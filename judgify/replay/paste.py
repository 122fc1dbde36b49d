"""Commands to paste: printed so that they work where this one worked."""

import shlex
import shutil
import sys
from pathlib import Path

from judgify.stack.state import find_data_dir


def spell(*words: str, data_dir: Path | None = None) -> str:
    """Return `judgify WORDS…` as this user has to type it.

    The program is spelled as it was called (`.venv/bin/judgify`), or plainly where that is on the
    PATH; `--data-dir` is added when `data_dir` is not the one that is found without it.
    """
    suffix = () if data_dir in (None, find_data_dir()) else ("--data-dir", str(data_dir))
    return f"{spell_program()} {shlex.join((*words, *suffix))}"


def spell_program() -> str:
    """Return how this user calls us."""
    called = Path(sys.argv[0])
    if called.name != "judgify":
        return f"{shlex.quote(sys.executable)} -m judgify"
    found = shutil.which("judgify")
    if found is not None and Path(found).resolve() == called.resolve():
        return "judgify"
    return shlex.quote(sys.argv[0])
