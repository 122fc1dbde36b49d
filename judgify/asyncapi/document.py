"""The AsyncAPI 3 document: everything that travels, for those who write or read topics."""

import json
from pathlib import Path
from typing import Any, Final

from judgify.asyncapi.channels import describe_channels, describe_prefix
from judgify.asyncapi.messages import describe_messages, describe_schemas
from judgify.asyncapi.operations import describe_operations
from judgify.processes.host import ENGINE

ASYNCAPI: Final = "3.0.0"
FILE: Final = Path("schemas", "asyncapi.json")
"""In a checkout."""

_DESCRIPTION: Final = """\
Judgify judges events in a Kafka stream. Put a request on requests.v1 and read its judgment from
results.v1; all other topics are how it gets there. Operations are those of Judgify's own programs:
where one receives, you may send. Numbers of partitions, copies and settings are production's.

Readers ignore fields that they do not know, so fields may be added to a topic; anything else is a
new `.vN` topic. Delivery is at least once: results.v1 may hold several judgments of one id, and
subscribers keep the first per id of a partition.
"""


def build_document(checkout: Path) -> dict[str, Any]:
    """Return the document; its examples are the golden payloads of `checkout`."""
    return {
        "asyncapi": ASYNCAPI,
        "info": {
            "title": "Judgify",
            "version": ENGINE,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"kafka": _describe_server()},
        "channels": describe_channels(),
        "operations": describe_operations(),
        "components": {
            "parameters": {"prefix": describe_prefix()},
            "messages": describe_messages(checkout),
            "schemas": describe_schemas(),
        },
    }


def render_document(checkout: Path) -> str:
    """Return the text of `schemas/asyncapi.json`, the same on every machine."""
    return json.dumps(build_document(checkout), indent=2, ensure_ascii=False) + "\n"


def _describe_server() -> dict[str, Any]:
    return {
        "host": "{bootstrap}",
        "protocol": "kafka",
        "description": "A Kafka cluster; `judgify up` and compose.yaml start a small one.",
        "variables": {
            "bootstrap": {
                "default": "localhost:9092",
                "description": "KAFKA_BOOTSTRAP_SERVERS: host:port[,host:port].",
            }
        },
    }
