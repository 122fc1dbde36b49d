"""Sends one machine reading as a request: plain confluent-kafka, nothing of Judgify imported.

python examples/producer.py localhost:9092 < reading.json
"""

import json
import sys

from confluent_kafka import KafkaError, Message, Producer


def report(error: KafkaError | None, record: Message) -> None:
    """Say where the request stands, or stop: without an acknowledgement it may not exist."""
    if error is not None:
        sys.exit(f"not delivered: {error}")
    print(f"{record.topic()}/{record.partition()} offset {record.offset()}")


reading = json.load(sys.stdin)
request = {
    "workflow_id": "milling",
    "request_id": reading["id"],  # yours; the same id again is the same judgment
    "input_data": reading,
}
producer = Producer(
    {
        "bootstrap.servers": sys.argv[1],
        "enable.idempotence": True,  # retries neither repeat nor reorder
        "partitioner": "murmur2_random",  # as Java and `judgify replay`: a key has one partition
    }
)
producer.produce(
    sys.argv[2] if len(sys.argv) > 2 else "judgify.requests.v1",
    key=reading["Product ID"],  # the thing judged: its readings keep their order
    value=json.dumps(request),
    on_delivery=report,
)
producer.flush()
