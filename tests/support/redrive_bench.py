"""A database in which a test buries, and the commands that dig out."""

import asyncio
from typing import Any

import asyncpg
from confluent_kafka import Message

from schemas.dead_letter import DeadLetter
from sinks.postgres.sink import PostgresSink
from stream.batch import Batch
from tests.support.builders import FakeRecord, encode_request
from tests.support.commands import Commands
from tests.support.messages import read_topic
from topics.headers import build_dead_letter_headers

BURIED_MS = 1_750_000_000_000


class Bench:
    """A database in which a test buries, and the commands that dig out."""

    def __init__(self, bootstrap: str, prefix: str, url: str, commands: Commands) -> None:
        self.bootstrap = bootstrap
        self.requests = f"{prefix}requests.v1"
        self.results = f"{prefix}results.v1"
        self.url = url
        self.commands = commands

    def bury(self, *letters: DeadLetter) -> None:
        """Store `letters` as postgres-sink stores them."""

        async def store() -> None:
            sink = PostgresSink(self.url)
            await sink.open()
            records = [
                FakeRecord(
                    number, key=it.key, value=it.value, headers=build_dead_letter_headers(it)  # type: ignore[arg-type]  # -- null headers
                )
                for number, it in enumerate(letters)
            ]  # fmt: skip
            assert not await sink.write_dead_letters([Batch("dead-letters.v1", 0, records)])
            await sink.close()

        asyncio.run(store())

    def letter(self, offset: int, **fields: Any) -> DeadLetter:
        """Return the dead letter of a request on which our code failed."""
        defaults = {
            "key": b"machine-1", "value": encode_request(request_id=f"r-{offset}"), "headers": (),
            "topic": self.requests, "partition": 3, "offset": offset, "timestamp": BURIED_MS,
            "agent": "rule-agent", "version": "0.1.0", "kind": "bug", "code": "internal_error",
            "reason": "a test", "at": "2025-06-15T15:06:40.000Z",
        }  # fmt: skip
        return DeadLetter.model_validate(defaults | fields)

    def redrive(self, *arguments: str) -> Any:
        return self.commands.read("dead-letters", "redrive", *arguments)

    def sent(self) -> list[Message]:
        """Return what was sent to the requests topic."""
        return read_topic(self.bootstrap, self.requests)

    def query(self, sql: str) -> list[Any]:
        async def fetch() -> list[Any]:
            connection = await asyncpg.connect(self.url)
            try:
                return [tuple(row) for row in await connection.fetch(sql)]
            finally:
                await connection.close()

        return asyncio.run(fetch())
