"""Every answer of PostgreSQL has one meaning; in doubt the partition is held, never a record buried."""

import asyncpg
import pytest

from schemas.errors import DependencyError, FatalError
from sinks.postgres.errors import RowRefused, encoding_errors, postgres_errors


def error(sqlstate: str) -> asyncpg.PostgresError:
    return asyncpg.PostgresError.new({"C": sqlstate, "M": "it\nsaid\n no"})


@pytest.mark.parametrize("state", ["22P02", "22P05", "22003", "22021", "23502", "23514", "54000"])
def test_what_a_row_holds_is_the_fault_of_the_row(state: str) -> None:
    with pytest.raises(RowRefused) as refused, postgres_errors():
        raise error(state)

    assert refused.value.code == state


@pytest.mark.parametrize(
    "state",
    ["08006", "25006", "40001", "40P01", "53100", "53200", "53300", "55P03", "57014", "57P01",
     "57P03", "58030", "XX000", "99999"],
)  # fmt: skip
def test_what_may_work_later_is_a_dependency_and_so_is_what_nobody_knows(state: str) -> None:
    with pytest.raises(DependencyError, match="it said no"), postgres_errors():
        raise error(state)


@pytest.mark.parametrize("state", ["42P01", "42703", "42804", "42P10", "3F000", "0A000"])
def test_another_schema_stops_us_with_what_to_do(state: str) -> None:
    with pytest.raises(FatalError, match="run `judgify db upgrade`"), postgres_errors():
        raise error(state)


@pytest.mark.parametrize("state", ["28000", "28P01", "3D000", "42501"])
def test_no_access_stops_us_and_says_where_to_look(state: str) -> None:
    with pytest.raises(FatalError, match="check DATABASE_URL"), postgres_errors():
        raise error(state)


def test_a_plan_that_a_migration_made_stale_is_made_again() -> None:
    with pytest.raises(DependencyError), postgres_errors():
        raise asyncpg.InvalidCachedStatementError("cached plan must not change result type")


@pytest.mark.parametrize(
    "failure",
    [
        ConnectionRefusedError(111, "refused"),
        TimeoutError(),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.ConnectionDoesNotExistError("gone"),
        asyncpg.InternalClientError("odd"),
    ],
)
def test_a_connection_that_fails_is_a_dependency_with_its_cause(failure: Exception) -> None:
    with pytest.raises(DependencyError) as raised, postgres_errors():
        raise failure

    assert raised.value.__cause__ is failure
    assert raised.value.reason


@pytest.mark.parametrize("failure", [ValueError("a"), OverflowError("b"), TypeError("c")])
def test_a_value_that_cannot_be_encoded_is_the_fault_of_the_row(failure: Exception) -> None:
    with pytest.raises(RowRefused, match="encoding"), encoding_errors():
        raise failure


def test_a_bug_of_ours_stays_a_bug() -> None:
    with pytest.raises(KeyError), postgres_errors():
        raise KeyError("x")
