"""Plain Faust as its documentation shows it: an agent, `async for`, `await topic.send`.

The web server, the declaring of topics and the leader's topic are switched off: they do no work
here. Everything else is Faust's default.
"""

import logging
import sys
from typing import Any

import faust

from bench.peers.judging import Judge, Place, Record, read_place


def make_app(place: Place) -> faust.App:
    """Return the app with its one agent."""
    app = faust.App(
        place.group,
        broker=f"kafka://{place.bootstrap}",
        datadir=str(place.state),
        key_serializer="raw",
        value_serializer="raw",
        consumer_auto_offset_reset="earliest",
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
    )
    requests = app.topic(place.requests)
    results = {name: app.topic(name) for name in (place.results, place.dead_letters)}
    judge_one = Judge(place).judge_one

    @app.agent(requests)
    async def judge_requests(stream: Any) -> None:
        async for event in stream.events():
            message = event.message
            record = Record(
                message.offset,
                round(message.timestamp * 1_000),
                message.key,
                message.value,
                message.headers or (),
            )
            output = judge_one(message.partition, record)
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
    faust.Worker(make_app(place), loglevel=logging.WARNING).execute_from_commandline()


if __name__ == "__main__":
    main()
