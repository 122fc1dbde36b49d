"""A record whose header keys are any bytes: what no client offers and every broker accepts."""

import os
import subprocess
import sys
from typing import Final

TIMEOUT_S: Final = 30.0

_SCRIPT: Final = """
import asyncio, sys
from aiokafka import AIOKafkaProducer

class Key(str):
    def encode(self, *_):
        return bytes.fromhex(str(self))

async def main(bootstrap, topic, partition, key, value):
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        await producer.send_and_wait(
            topic, bytes.fromhex(value), partition=int(partition), headers=[(Key(key), b"v")]
        )

asyncio.run(main(*sys.argv[1:]))
"""
"""aiokafka's Python writer asks a key to encode itself; its C writer would refuse the key."""


def publish_raw_header(
    bootstrap: str, topic: str, partition: int, key: bytes, value: bytes
) -> None:
    """Publish `value` with one header named `key`, from a process of its own."""
    arguments = [bootstrap, topic, str(partition), key.hex(), value.hex()]
    subprocess.run(
        [sys.executable, "-c", _SCRIPT, *arguments],
        env=os.environ | {"AIOKAFKA_NO_EXTENSIONS": "1"},
        check=True,
        timeout=TIMEOUT_S,
    )
