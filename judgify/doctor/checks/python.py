"""Python, and the processor's threads: what everything runs on."""

import platform
import sys
from collections.abc import Iterator
from typing import Final

from judgify.doctor.finding import Finding, fail, ok
from judgify.doctor.subject import Subject

VERSION_MIN: Final = (3, 11)


def look(_subject: Subject) -> Iterator[Finding]:
    """Judge the interpreter that runs this."""
    told = f"{platform.python_implementation()} {platform.python_version()}, {sys.executable}"
    if sys.version_info < VERSION_MIN:
        yield fail(told, "install Python 3.11 or newer and set up again: `make setup`")
    else:
        yield ok(told)
