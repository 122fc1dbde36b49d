"""Requests from the rows of a file: identity, key and bytes of each (pure)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from judgify.replay.sending import Outgoing
from schemas.errors import MessageError

REQUEST_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
"""As schemas.model.RequestId."""


@dataclass(frozen=True, slots=True)
class RequestMaker:
    """How a row becomes a request: the same for every row of a run."""

    workflow_id: str
    tenant: str = "default"
    is_test: bool = True
    id_column: str | None = None
    """Its value is the request_id, verbatim; None: the agent makes one from the origin."""
    key_column: str | None = None
    """Its value is the record key; None: the value at `subject_path`, else the request_id."""
    subject_path: tuple[str, ...] = ()
    """Where in a row the thing judged is named: order is kept per thing."""

    def make(self, cells: Mapping[str, Any], input_data: Mapping[str, Any]) -> Outgoing:
        """Return the request for one row.

        Args:
            cells: the row as the file has it; id and key are taken from here, unconverted.
            input_data: the same row with its cells converted by the workflow's types.

        Raises:
            MessageError: the row names no id or key where one was asked for, or cannot travel.
        """
        request_id = self._request_id(cells)
        message: dict[str, Any] = {"workflow_id": self.workflow_id, "input_data": input_data}
        if request_id is not None:
            message["request_id"] = request_id
        if self.tenant != "default":
            message["tenant"] = self.tenant
        if self.is_test:
            message["test"] = True
        return Outgoing(self._key(cells, input_data, request_id), encode_json(message))

    def _request_id(self, cells: Mapping[str, Any]) -> str | None:
        if self.id_column is None:
            return None
        request_id = _as_text(cells.get(self.id_column))
        if request_id is None or not REQUEST_ID.fullmatch(request_id):
            raise MessageError(
                "invalid_request_id",
                f"column {self.id_column!r} holds {_shorten(cells.get(self.id_column))}: a request "
                "id is 1 to 64 of A-Z a-z 0-9 _ . : -",
            )
        return request_id

    def _key(
        self, cells: Mapping[str, Any], input_data: Mapping[str, Any], request_id: str | None
    ) -> bytes | None:
        if self.key_column is None:
            key = find_subject(input_data, self.subject_path) or request_id
            return None if key is None else key.encode()
        key = _as_text(cells.get(self.key_column))
        if key is None:
            raise MessageError("no_key", f"column {self.key_column!r} holds no text or number")
        return key.encode()


def find_subject(input_data: Mapping[str, Any], path: tuple[str, ...]) -> str | None:
    """Return the name of the thing judged, as text; None when `path` is empty or leads nowhere."""
    value: Any = input_data
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return _as_text(value) if path else None


def encode_json(message: Mapping[str, Any]) -> bytes:
    """Return `message` as JSON bytes.

    Raises:
        MessageError: a value has no JSON form (an integer beyond 64 bits, a lone surrogate).
    """
    try:
        return orjson.dumps(message)
    except TypeError as error:
        raise MessageError("not_json", str(error)) from error


def _as_text(value: object) -> str | None:
    """Return a scalar as text, as a file would spell it; None for what names nothing."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return str(value)


def _shorten(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"
