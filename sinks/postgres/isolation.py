"""One bad row must not cost its neighbours: what PostgreSQL refuses is halved until it is alone."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

from schemas.errors import FatalError
from sinks.postgres.connection import Connection, Pool, transaction
from sinks.postgres.errors import RowRefused

R = TypeVar("R")
W = TypeVar("W")

REFUSED_IN_A_ROW_MAX: Final = 50
"""Refusals without a stored row between them: that is no bad row, that is another schema."""


class Refusal(NamedTuple):
    """A row that PostgreSQL refused by itself."""

    position: int
    """In the rows that were handed in."""
    error: RowRefused


@dataclass(slots=True)
class Streak:
    """How many rows in a row were refused, over all batches of a sink."""

    refused: int = 0

    def add(self, error: RowRefused) -> None:
        """Count a refusal.

        Raises:
            FatalError: so many in a row that burying them would bury the topic.
        """
        self.refused += 1
        if self.refused >= REFUSED_IN_A_ROW_MAX:
            raise FatalError(
                f"PostgreSQL refused {self.refused} rows in a row, the last one with {error}: "
                "compare its schema (`judgify db status`); nothing of them was buried"
            )


async def write_isolating(
    pool: Pool,
    rows: Sequence[R],
    store: Callable[[Connection, Sequence[R]], Awaitable[W]],
    streak: Streak,
) -> tuple[list[W], list[Refusal]]:
    """Store `rows` in one transaction, or, when some are refused, in as few as it takes.

    Parts are stored in the order of `rows`, so that the first of an id stays the first. `store`
    must be idempotent: after an error some parts are stored and all will be tried again.

    Raises:
        DependencyError: it may work later.
        FatalError: the schema is not ours.
    """
    written: list[W] = []
    refusals: list[Refusal] = []
    todo = [(0, len(rows))] if rows else []
    while todo:
        first, end = todo.pop()
        try:
            async with transaction(pool) as connection:
                answer = await store(connection, rows[first:end])
        except RowRefused as error:
            if end - first == 1:
                streak.add(error)
                refusals.append(Refusal(first, error))
            else:
                middle = (first + end) // 2
                todo += [(middle, end), (first, middle)]  # the earlier half is popped first
        else:
            streak.refused = 0
            written.append(answer)
    return written, refusals
