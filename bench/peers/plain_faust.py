"""Plain Faust as its documentation shows it: an agent, `async for`, `await topic.send`.

The web server, the declaring of topics and the leader's topic are switched off: they do no work
here. Everything else is Faust's default.
"""

import logging
import sys
import tempfile
from typing import Any, NamedTuple

import faust

from bench.peers.judging import Place, open_agent, read_place
from schemas.errors import MessageError
from stream.batch import Batch, Output


class _Record(NamedTuple):
    """A message as the judge reads it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Any


def make_app(place: Place, datadir: str) -> faust.App:
    """Return the app with its one agent."""
    app = faust.App(
        place.group,
        broker=f"kafka://{place.bootstrap}",
        datadir=datadir,
        key_serializer="raw",
        value_serializer="raw",
        consumer_auto_offset_reset="earliest",
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
    )
    requests = app.topic(place.requests)
    results = {name: app.topic(name) for name in (place.results, place.dead_letters)}
    judge = open_agent(place.workflow, place.results)

    @app.agent(requests)
    async def judge_requests(stream: Any) -> None:
        async for event in stream.events():
            message = event.message
            record = _Record(
                message.offset,
                round(message.timestamp * 1_000),
                message.key,
                message.value,
                message.headers or (),
            )
            try:
                batch = Batch(place.requests, message.partition, (record,))
                output = judge.open_batch(batch).decide(record)
            except MessageError:
                output = Output(place.dead_letters, record.key, record.value)
            await results[output.topic].send(
                key=output.key,
                value=output.value,
                headers=list(output.headers),
                partition=message.partition,
            )

    return app


def main() -> None:
    """Run until SIGTERM."""
    place = read_place()
    sys.argv = sys.argv[:1]
    with tempfile.TemporaryDirectory(prefix="judgify-bench.") as datadir:
        worker = faust.Worker(make_app(place, datadir), loglevel=logging.WARNING)
        worker.execute_from_commandline()


if __name__ == "__main__":
    main()
