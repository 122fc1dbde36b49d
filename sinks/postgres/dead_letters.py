"""Dead letters as they are stored: every record of their topic gets a row, whatever it holds."""

import re
from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import orjson

from schemas.dead_letter import DeadLetter
from schemas.errors import MessageError
from sinks.postgres.connection import Connection
from sinks.postgres.errors import encoding_errors
from sinks.postgres.moment import moment
from sinks.postgres.rows import BIGINT_MAX, INTEGER_MAX, Row
from sinks.postgres.statements import load_statement
from stream.batch import Record
from topics.headers import parse_dead_letter

AGENT: Final = "postgres-sink"
NO_DEAD_LETTER: Final = "not_a_dead_letter"
REFUSED: Final = "dead_letter_refused"
REASON_CHARS_MAX: Final = 1_024
ORIGIN_CHARS_MAX: Final = 320

COLUMNS: Final = (
    "topic", "partition", "record_offset", "record_ts", "agent", "key", "value", "value_length",
    "value_sha256", "headers", "kind", "code", "reason", "agent_version", "request_origin", "at",
)  # fmt: skip

CREATE_INCOMING: Final = load_statement("create_incoming_dead_letters")
_STORE: Final = load_statement("store_dead_letters")
_unstorable: Final = re.compile("[\x00\ud800-\udfff]")


async def store_dead_letters(connection: Connection, rows: Sequence[Row]) -> None:
    """Store `rows` inside the caller's transaction; storing them again changes nothing.

    Raises:
        RowRefused: one of the rows is bad.
    """
    with encoding_errors():
        await connection.copy_records_to_table(
            "incoming_dead_letters", records=rows, columns=COLUMNS
        )
    await connection.execute(_STORE)


def make_row(topic: str, partition: int, record: Record) -> Row:
    """Return the row of a record on the dead letter topic.

    A record that is no dead letter becomes a row about itself: were it buried, it would come back
    to this very topic, and to this function.
    """
    try:
        letter = parse_dead_letter(record.headers, record.key, record.value)
        return _make_letter_row(letter)
    except (MessageError, ValueError, OverflowError) as error:
        return make_bare_row(topic, partition, record, MessageError(NO_DEAD_LETTER, str(error)))


def make_bare_row(topic: str, partition: int, record: Record, error: MessageError) -> Row:
    """Return a row about a record of the dead letter topic itself, with nothing of its headers."""
    return (
        topic, partition, record.offset, record.timestamp, AGENT, record.key, record.value, None,
        None, None, "message", error.code, _clean(error.reason)[:REASON_CHARS_MAX], "", None,
        moment(record.timestamp),
    )  # fmt: skip


def _make_letter_row(letter: DeadLetter) -> Row:
    """Raises ValueError where a number is beyond PostgreSQL's or a time does not exist."""
    largest = max(letter.offset, abs(letter.timestamp), letter.value_length or 0)
    if letter.partition > INTEGER_MAX or largest > BIGINT_MAX:
        raise ValueError("partition, offset, timestamp or length beyond what Kafka can name")
    origin = letter.request_origin
    return (
        _clean(letter.topic), letter.partition, letter.offset, letter.timestamp,
        _clean(letter.agent), letter.key, letter.value, letter.value_length, letter.value_sha256,
        _encode_headers(letter.headers),
        letter.kind, letter.code, _clean(letter.reason)[:REASON_CHARS_MAX], _clean(letter.version),
        _clean(origin)[:ORIGIN_CHARS_MAX] if origin else None, datetime.fromisoformat(letter.at),
    )  # fmt: skip


def _encode_headers(headers: tuple[tuple[str, bytes | None], ...] | None) -> str | None:
    """Return the record's headers as JSON that PostgreSQL can hold; None when unreadable."""
    if headers is None:
        return None
    return orjson.dumps([_describe_header(name, content) for name, content in headers]).decode()


def _describe_header(name: str, content: bytes | None) -> dict[str, Any]:
    described: dict[str, Any] = {"name": _clean(name)}
    if content is None:
        return described
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = "\x00"
    if "\x00" in text:
        return described | {"base64": b64encode(content).decode()}
    return described | {"text": text}


def _clean(text: str) -> str:
    """Return `text` without what no text column can hold."""
    return _unstorable.sub("\ufffd", text)
