"""Messages that confluent-kafka read, with the types that tests assert on."""

import json
from typing import Any

from confluent_kafka import Message, TopicPartition

from topics.clients import find_bounds, open_consumer

READ_TIMEOUT_S = 15.0


def headers_of(message: Message) -> dict[str, Any]:
    """Return the headers by name; of topics that we alone write."""
    return dict(message.headers() or ())


def json_of(message: Message) -> Any:
    """Return the value as JSON."""
    return json.loads(message.value() or b"null")


def read_topic(bootstrap: str, topic: str) -> list[Message]:
    """Return everything that a topic holds now, each partition in its order."""
    consumer = open_consumer(bootstrap)
    try:
        numbers = consumer.list_topics(topic, timeout=READ_TIMEOUT_S).topics[topic].partitions
        places = [TopicPartition(topic, number, 0) for number in numbers]
        ends = {
            it.partition: find_bounds(consumer, bootstrap, it, READ_TIMEOUT_S)[1] for it in places
        }
        consumer.assign([it for it in places if ends[it.partition]])
        unfinished = {number for number, end in ends.items() if end}
        found: list[Message] = []
        while unfinished:
            [message] = consumer.consume(1, READ_TIMEOUT_S)
            if message.error() is None:
                found.append(message)
            else:
                unfinished.discard(message.partition() or 0)
        return found
    finally:
        consumer.close()
