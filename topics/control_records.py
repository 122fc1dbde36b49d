"""Control records: their keys, and switches and skips to bytes and back."""

import re
from typing import Any, Final, NamedTuple

import orjson
from pydantic import ValidationError

from schemas.control_record import ControlRecord
from schemas.decode import parse_json
from schemas.errors import MessageError

SKIP_PREFIX: Final = "skip/"
_PLACE: Final = re.compile(r"([A-Za-z0-9._-]{1,249})/(0|[1-9]\d{0,8})/(0|[1-9]\d{0,17})")


class Place(NamedTuple):
    """Where a record stands."""

    topic: str
    partition: int
    offset: int

    @property
    def text(self) -> str:
        """Return it as people write it: `topic/partition/offset`."""
        return f"{self.topic}/{self.partition}/{self.offset}"


def parse_place(text: str) -> Place:
    """Return the record that `topic/partition/offset` names.

    Raises:
        MessageError: `invalid_place`.
    """
    match = _PLACE.fullmatch(text)
    if match is None:
        raise MessageError("invalid_place", f"{text!r} is not TOPIC/PARTITION/OFFSET")
    topic, partition, offset = match.groups()
    return Place(topic, int(partition), int(offset))


def parse_control(key: str, raw: bytes) -> ControlRecord:
    """Return the control record under `key`.

    Raises:
        MessageError: it is not one, or names another switch than its key.
    """
    try:
        record = ControlRecord.model_validate(parse_json(raw))
    except ValidationError as error:
        wrong = ", ".join(".".join(map(str, problem["loc"])) for problem in error.errors())
        raise MessageError("invalid_control", f"wrong or missing: {wrong}") from error
    if record.name != key:
        raise MessageError("invalid_control", f"names {record.name!r} under the key {key!r}")
    return record


def encode_control(name: str, value: Any, author: str, note: str) -> tuple[bytes, bytes]:
    """Return key and value of the record that sets `name` to `value`.

    Raises:
        MessageError: author, note or name is too long.
    """
    try:
        record = ControlRecord(name=name, value=value, author=author, note=note)
    except ValidationError as error:
        wrong = "; ".join(f"{problem['loc'][0]}: {problem['msg']}" for problem in error.errors())
        raise MessageError("invalid_control", wrong) from error
    return name.encode(), orjson.dumps(record.model_dump())


def skip_name(place: Place) -> str:
    """Return the name under which the order to bury the record at `place` travels."""
    return f"{SKIP_PREFIX}{place.text}"
