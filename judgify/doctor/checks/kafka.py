"""Kafka: it answers, and how new it is."""

import socket
import struct
from collections.abc import Iterator
from typing import Final

from confluent_kafka import KafkaException

from judgify.doctor.finding import Finding, fail, ok, warn
from judgify.doctor.subject import Subject, start
from topics.clients import open_admin

TIMEOUT_S: Final = 2.5
ANSWER_BYTES_MAX: Final = 65_536
API_VERSIONS_KEY: Final = 18
NEWEST_FIRST: Final = ((88, "4.1"), (76, "4.0"), (75, "3.7"), (69, "3.6"), (60, "2.8"))
"""Request that a release was the first to answer. Source: Kafka's protocol guide, `api_keys`."""
OLDEST_TRIED: Final = "4.0"


def look(subject: Subject) -> Iterator[Finding]:
    """Ask for the brokers, then one of them for the requests that it understands."""
    if subject.kafka is None:
        yield fail("no address is known", "`judgify up`, or set KAFKA_BOOTSTRAP_SERVERS")
        return
    try:
        cluster = open_admin(subject.kafka).list_topics(timeout=TIMEOUT_S)
    except KafkaException as error:
        told = error.args[0].str().rpartition("Local: ")[2].lower()
        yield fail(f"no answer at {subject.kafka}: {told}", start("Kafka", subject))
        return
    brokers = sorted(f"{it.host}:{it.port}" for it in cluster.brokers.values())
    told = f"{len(brokers)} at {', '.join(brokers)}, cluster {cluster.cluster_id}"
    version = find_version(brokers[0])
    if version is None:
        yield ok(told)
    elif _parts(version) < _parts(OLDEST_TRIED):
        yield warn(
            f"{told}: older than {OLDEST_TRIED}", "upgrade it: Judgify is tried with Kafka 4"
        )
    else:
        yield ok(f"{told}, Kafka {version} or newer")


def find_version(address: str) -> str | None:
    """Return the newest release of which the broker understands every kind of request we know."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), TIMEOUT_S) as connection:
            keys = _ask_api_keys(connection)
    except (OSError, ValueError, struct.error):
        return None
    return next((version for key, version in NEWEST_FIRST if key in keys), "0")


def _ask_api_keys(connection: socket.socket) -> set[int]:
    """Send ApiVersions in its first form, which every broker answers; return the keys it names."""
    client = b"judgify-doctor"
    request = struct.pack(f">hhih{len(client)}s", API_VERSIONS_KEY, 0, 1, len(client), client)
    connection.sendall(struct.pack(">i", len(request)) + request)
    (length,) = struct.unpack(">i", _receive(connection, 4))
    answer = _receive(connection, min(length, ANSWER_BYTES_MAX))
    (count,) = struct.unpack_from(">i", answer, 6)
    return {struct.unpack_from(">h", answer, 10 + 6 * number)[0] for number in range(count)}


def _receive(connection: socket.socket, count: int) -> bytes:
    raw = bytearray()
    while len(raw) < count:
        piece = connection.recv(count - len(raw))
        if not piece:
            raise ConnectionError("hung up")
        raw += piece
    return bytes(raw)


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
