"""Counts of what is stored about one run: requests named by ranges of offsets."""

from collections.abc import Sequence
from typing import NamedTuple

from sinks.postgres.connection import connect
from sinks.postgres.statements import load_statement

APPLICATION = "judgify replay"


class Range(NamedTuple):
    """Neighbouring offsets of one partition, both ends included."""

    partition: int
    first: int
    last: int


class LlmPart(NamedTuple):
    """What an LLM made of a run's escalations."""

    answered: int
    unanswered: int
    model: str | None
    """The last one by name; None: nobody was asked."""
    cost_usd: float
    tokens_in: int
    tokens_out: int


async def count_duplicates(database_url: str, topic: str, ranges: Sequence[Range]) -> int:
    """Return how many records of `topic` in `ranges` are duplicates of stored judgments.

    Raises:
        DependencyError: PostgreSQL does not answer.
    """
    async with connect(database_url, APPLICATION) as connection:
        count: int = await connection.fetchval(
            load_statement("count_duplicates"), topic, *_columns(ranges)
        )
    return count


async def count_outcomes(database_url: str, topic: str, ranges: Sequence[Range]) -> dict[str, int]:
    """Return how many judgments stored from `ranges` have which verdict, or status without one.

    Raises:
        DependencyError: PostgreSQL does not answer.
    """
    async with connect(database_url, APPLICATION) as connection:
        rows = await connection.fetch(load_statement("count_outcomes"), topic, *_columns(ranges))
    return {row["outcome"]: row["count"] for row in rows}


async def count_llm(database_url: str, topic: str, ranges: Sequence[Range]) -> LlmPart:
    """Return what an LLM made of the escalations among the judgments stored from `ranges`.

    Raises:
        DependencyError: PostgreSQL does not answer.
    """
    async with connect(database_url, APPLICATION) as connection:
        row = await connection.fetchrow(load_statement("count_llm"), topic, *_columns(ranges))
    return LlmPart(**dict(row or {}))


def _columns(ranges: Sequence[Range]) -> tuple[list[int], list[int], list[int]]:
    return (
        [each.partition for each in ranges],
        [each.first for each in ranges],
        [each.last for each in ranges],
    )
