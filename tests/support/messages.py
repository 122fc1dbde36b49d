"""Messages that confluent-kafka read, with the types that tests assert on."""

import json
from typing import Any

from confluent_kafka import Message


def headers_of(message: Message) -> dict[str, Any]:
    """Return the headers by name; of topics that we alone write."""
    return dict(message.headers() or ())


def json_of(message: Message) -> Any:
    """Return the value as JSON."""
    return json.loads(message.value() or b"null")
