"""Passwords of the local stack: drawn once, kept in files that their owner alone can read."""

import os
import secrets
from pathlib import Path
from typing import Final

SECRET_BYTES: Final = 24
_PRIVATE: Final = 0o600


def load_or_create_secret(path: Path) -> str:
    """Return the secret in `path`, which is made, whole or not at all, when it is missing."""
    try:
        return path.read_text("ascii").strip()
    except FileNotFoundError:
        write_private(path, secrets.token_urlsafe(SECRET_BYTES))
        return path.read_text("ascii").strip()


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, replacing the old one in one step."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)
