"""Prints each judgment once: plain confluent-kafka, nothing of Judgify imported.

python examples/subscriber.py localhost:9092 [topic]
"""

import json
import sys

from confluent_kafka import Consumer

consumer = Consumer(
    {
        "bootstrap.servers": sys.argv[1],
        "group.id": "my-subscriber",  # yours: Kafka remembers how far you have read
        "auto.offset.reset": "earliest",
        "isolation.level": "read_committed",
    }
)
consumer.subscribe([sys.argv[2] if len(sys.argv) > 2 else "judgify.results.v1"])
seen: set[str] = set()  # a judgment may come twice: keep the first (here for this run only)
try:
    while True:
        record = consumer.poll(1.0)
        if record is None:
            continue
        if record.error():
            sys.exit(str(record.error()))
        judgment = json.loads(record.value() or b"")
        if judgment["judgment_id"] not in seen:
            seen.add(judgment["judgment_id"])
            outcome = judgment["verdict"] or judgment["status"]
            print(judgment["request_id"], outcome, judgment["reason"], flush=True)
except KeyboardInterrupt:
    consumer.close()  # commits what was read and leaves the group at once
