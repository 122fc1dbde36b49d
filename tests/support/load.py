"""A load of requests for tests that break things under it, and the counts that must come out."""

import asyncio
import random
from typing import Any

import asyncpg
import orjson

from tests.support.lane import Lane


def fetch(database_url: str, question: str) -> list[asyncpg.Record]:
    """Return the rows of `question`."""

    async def run() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(database_url, timeout=15)
        try:
            return list(await connection.fetch(question))
        finally:
            await connection.close()

    return asyncio.run(run())


def count_stored(database_url: str) -> int:
    return int(fetch(database_url, "select count(*) from judgment_executions")[0][0])


def find_stored(database_url: str) -> list[str]:
    """Return the request ids of all rows, each as often as it is stored."""
    rows = fetch(database_url, "select request_id from judgment_executions")
    return [row["request_id"] for row in rows]


def find_buried(database_url: str) -> set[bytes]:
    return {row["value"] for row in fetch(database_url, "select distinct value from dead_letters")}


class Load:
    """Sends requests and remembers what must become of each."""

    def __init__(self, lane: Lane, chance: random.Random, malformed_share: float = 0.0) -> None:
        self._lane = lane
        self._chance = chance
        self._malformed_share = malformed_share
        self.good: set[str] = set()
        self.malformed: set[bytes] = set()
        self.sent = 0

    def send(self, until: int) -> None:
        """Send up to `until` requests in all, acknowledged."""
        producer = self._lane.producer
        while self.sent < until:
            number = self.sent
            if self._chance.random() < self._malformed_share:
                value = b'{"malformed":%d' % number
                self.malformed.add(value)
            else:
                value = orjson.dumps(self._reading(number))
                self.good.add(f"r-{number}")
            producer.produce(self._lane.requests, value, key=b"m%d" % (number % 97))
            self.sent += 1
            if number % 1_000 == 0:
                producer.poll(0)
        assert producer.flush(60) == 0

    def _reading(self, number: int) -> dict[str, Any]:
        chance = self._chance
        return {
            "request_id": f"r-{number}",
            "workflow_id": "milling",
            "input_data": {
                "Type": chance.choice("LMH"),
                "Air temperature [K]": 298.1,
                "Process temperature [K]": 308.6,
                "Rotational speed [rpm]": chance.randint(1_200, 2_800),
                "Torque [Nm]": chance.uniform(5, 75),
                "Tool wear [min]": chance.randint(0, 250),
            },
        }
