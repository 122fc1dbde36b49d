"""Dead letters of the last hour, counted in PostgreSQL by who buried them and why."""

import asyncio
from typing import Final

from judgify.status.snapshot import DeadLetterCount
from schemas.errors import PipelineError
from sinks.postgres.connection import connect

TIMEOUT_S: Final = 1.5
"""Closing a connection that went silent may take `CLOSE_TIMEOUT_S` more."""
REASONS_MAX: Final = 50
_COUNT: Final = f"""
    SELECT agent, kind, code, count(*) AS records
    FROM dead_letters
    WHERE at > now() - interval '1 hour'
    GROUP BY agent, kind, code
    ORDER BY records DESC, agent, code
    LIMIT {REASONS_MAX}
"""  # noqa: S608 -- a constant of ours


async def count_dead_letters(
    database_url: str,
) -> tuple[list[DeadLetterCount] | None, str | None]:
    """Return the counts, or why PostgreSQL cannot tell."""
    try:
        async with (
            asyncio.timeout(TIMEOUT_S),
            connect(database_url, "judgify-status") as connection,
        ):
            rows = await connection.fetch(_COUNT)
        return [DeadLetterCount.model_validate(dict(row)) for row in rows], None
    except TimeoutError:
        return None, f"no answer within {TIMEOUT_S:g} s"
    except PipelineError as error:
        return None, str(getattr(error, "reason", error))
