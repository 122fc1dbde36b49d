"""Python, and the processor's threads: what everything runs on."""

import platform
import sys
from collections.abc import Iterator

from judgify.doctor.finding import Finding, fail, ok
from judgify.doctor.subject import Subject
from rules.language.emit.instructions import LISTED, RUNNING, VERSIONS


def look(_subject: Subject) -> Iterator[Finding]:
    """Judge the interpreter that runs this."""
    told = f"{platform.python_implementation()} {platform.python_version()}, {sys.executable}"
    if RUNNING not in VERSIONS:
        yield fail(told, f"install one of Python {LISTED} and set up again: `make setup`")
    else:
        yield ok(told)
