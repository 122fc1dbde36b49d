"""Quix Streams as its documentation shows it: a dataframe, `apply`, `to_topic`.

At least once, committed twice a second. A checkpoint flushes the producer before it commits.
"""

from typing import Any

from quixstreams import Application, message_context
from quixstreams.models import Serializer

from bench.peers.judging import (
    COMMIT_INTERVAL_S,
    Judge,
    Place,
    Record,
    read_place,
    tune_collector,
)
from stream.batch import Output


class Encoded(Serializer):
    """Hands on the bytes that the judge has made."""

    def __call__(self, value: Output, ctx: object) -> bytes | None:
        del ctx
        return value.value


def make_app(place: Place) -> Application:
    """Return the application with its one dataframe."""
    app = Application(
        broker_address=place.bootstrap,
        consumer_group=place.group,
        auto_offset_reset="earliest",
        commit_interval=COMMIT_INTERVAL_S,
        processing_guarantee="at-least-once",
        consumer_extra_config={"check.crcs": True},
        producer_extra_config={
            "acks": "all",
            "enable.idempotence": True,
            "linger.ms": place.linger_ms,
            "queue.buffering.max.messages": 1_000_000,
        },
        state_dir=place.state,
        auto_create_topics=False,
        use_changelog_topics=False,
        loglevel="WARNING",
    )
    requests = app.topic(place.requests, key_deserializer="bytes", value_deserializer="bytes")
    outputs = {
        name: app.topic(name, key_serializer="bytes", value_serializer=Encoded())
        for name in (place.results, place.dead_letters)
    }
    judge_one = Judge(place).judge_one

    def judge(value: bytes, key: bytes, timestamp: int, headers: Any) -> Output:
        context = message_context()
        record = Record(context.offset, timestamp, key, value, headers or ())
        return judge_one(context.partition, record)

    frame = app.dataframe(requests).apply(judge, metadata=True)
    frame = frame.set_headers(lambda output, _key, _timestamp, _headers: list(output.headers))
    frame.to_topic(lambda output, _key, _timestamp, _headers: outputs[output.topic])
    return app


if __name__ == "__main__":
    application = make_app(read_place())
    tune_collector()
    application.run()
