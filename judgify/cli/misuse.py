"""Telling what was typed wrong from what went wrong: the former ends with exit code 2."""

from collections.abc import Iterator
from contextlib import contextmanager

from schemas.errors import FatalError, MessageError


@contextmanager
def typed_by_user() -> Iterator[None]:
    """Turn a `MessageError` about what the user typed into misuse; its reason says what to do."""
    try:
        yield
    except MessageError as error:
        raise FatalError(error.reason) from error
