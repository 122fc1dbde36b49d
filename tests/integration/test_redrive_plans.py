"""How a redrive finds a few letters among many: by an index, whatever names them."""

import asyncpg
import pytest

from sinks.postgres.statements import load_statement

pytestmark = pytest.mark.services

BURY = """
INSERT INTO dead_letters
    (topic, partition, record_offset, record_ts, agent, kind, code, reason, agent_version, at)
SELECT
    'requests', 0, n, 1, CASE n WHEN 1 THEN 'rare-agent' ELSE 'rule-agent' END,
    CASE n WHEN 1 THEN 'bug' ELSE 'message' END, CASE n WHEN 1 THEN 'rare' ELSE 'invalid' END,
    'r', '1', now()
FROM generate_series(1, 10000) AS n
"""
ANY = (None,) * 8


@pytest.fixture
async def letters(database: asyncpg.Connection) -> asyncpg.Connection:
    await database.execute(f"{BURY}; ANALYZE dead_letters")
    return database


async def explain(database: asyncpg.Connection, name: str, *parameters: object) -> str:
    rows = await database.fetch(f"EXPLAIN {load_statement(name)}", *parameters)
    return "\n".join(row[0] for row in rows)


@pytest.mark.parametrize(
    ("position", "wanted", "index"),
    [
        (1, "rare-agent", "dead_letters_by_agent"),
        (2, "bug", "dead_letters_by_kind"),
        (3, "rare", "dead_letters_by_code"),
    ],
)
async def test_letters_of_a_rare_cause_are_found_by_its_index(
    letters: asyncpg.Connection, position: int, wanted: str, index: str
) -> None:
    conditions = (*ANY[:position], wanted, *ANY[position + 1 :])

    plan = await explain(letters, "select_letters", *conditions, 1_001)

    assert index in plan, plan


async def test_letters_of_named_records_are_looked_up_by_key(letters: asyncpg.Connection) -> None:
    places = (["requests"], [0], [7])

    plan = await explain(letters, "select_named_letters", *ANY, 1_001, *places)

    assert "dead_letters_pkey" in plan, plan
    assert "Seq Scan" not in plan, plan
