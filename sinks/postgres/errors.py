"""What an error of PostgreSQL means: a bad row, a server that is away, or a wrong set-up."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import asyncpg

from schemas.errors import DependencyError, FatalError, PipelineError

DEPENDENCY: Final = "postgres"
"""The name in `DependencyError` and in the metric `dependency_up{name}`."""

REASON_CHARS_MAX: Final = 300

_ROW_CLASSES: Final = frozenset({"22", "23", "54"})
"""Data exception, constraint violation, program limit: this row, never its neighbours.

Source: PostgreSQL 15 documentation, appendix A.
"""
_SCHEMA_CLASSES: Final = frozenset({"0A", "3F", "42"})
"""Unknown table or column, other types, no such privilege: the schema is not ours."""
_ACCESS_CLASSES: Final = frozenset({"28", "3D"})
"""Password or role refused, unknown database."""
_NO_PRIVILEGE: Final = "42501"

_ENCODING_ERRORS: Final = (ValueError, OverflowError, TypeError)
_VENDOR_ERRORS: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,  # TimeoutError is one
)


class AccessRefusedError(FatalError):
    """PostgreSQL answers and does not let us in: password, role, rights or database are wrong."""


class RowRefused(Exception):  # noqa: N818 -- a signal inside this package, never seen by the seam
    """PostgreSQL refuses what was sent for what it holds; some row of it is bad."""

    def __init__(self, code: str, reason: str) -> None:
        """Keep the SQLSTATE and PostgreSQL's own words, which quote no more than a token."""
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


def translate(error: Exception) -> PipelineError | RowRefused:
    """Return what `error` means for the records at hand.

    Whatever is not clearly a bad row or a misconfiguration may work later: holding a partition
    shows and loses nothing, burying a good record does not come back.
    """
    if not isinstance(error, asyncpg.PostgresError):
        return _translate_client_error(error)
    state = error.sqlstate or "?????"
    reason = _one_line(error)
    if state[:2] in _ROW_CLASSES:
        return RowRefused(state, reason)
    if state[:2] in _ACCESS_CLASSES or state == _NO_PRIVILEGE:
        return AccessRefusedError(
            f"PostgreSQL refuses us ({state}: {reason}): check DATABASE_URL, the role's rights, "
            "and that the database exists"
        )
    if state[:2] in _SCHEMA_CLASSES and not isinstance(error, asyncpg.InvalidCachedStatementError):
        return FatalError(
            f"PostgreSQL has another schema than this release ({state}: {reason}): "
            "run `judgify db upgrade`"
        )
    return DependencyError(DEPENDENCY, f"{state}: {reason}")


def _translate_client_error(error: Exception) -> PipelineError | RowRefused:
    """Tell a value that asyncpg could not encode from a connection that failed."""
    if isinstance(error, asyncpg.exceptions.ClientConfigurationError):
        return FatalError(
            "DATABASE_URL is no PostgreSQL address: write postgresql://user:password@host:port/name"
        )
    if isinstance(error, _ENCODING_ERRORS) and not isinstance(error, OSError):
        return RowRefused("encoding", _one_line(error))
    if isinstance(error, TimeoutError):
        return DependencyError(DEPENDENCY, _one_line(error) or "no answer in time")
    return DependencyError(DEPENDENCY, _one_line(error) or type(error).__name__)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:REASON_CHARS_MAX]


@contextmanager
def postgres_errors() -> Generator[None]:
    """Translate whatever asyncpg raises inside the block, and keep it as the cause.

    Raises:
        DependencyError: it may work later; assume nothing was stored.
        FatalError: schema or access are not as they must be.
        RowRefused: some row is bad; nothing was stored.
    """
    try:
        yield
    except _VENDOR_ERRORS as error:
        raise translate(error) from error


@contextmanager
def encoding_errors() -> Generator[None]:
    """Translate what asyncpg's encoders raise inside a COPY: plain ValueErrors and their like.

    Raises:
        RowRefused: a value does not fit its column.
    """
    try:
        yield
    except _ENCODING_ERRORS as error:
        if isinstance(error, OSError):
            raise
        raise translate(error) from error
