"""What was published about workflows, as it is stored: versions, activations, for ever."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

import orjson
from pydantic import ValidationError

from rules.workflow.canonical import version_of
from rules.workflow.problems import WorkflowErrors
from schemas.decode import parse_json
from schemas.errors import MessageError
from schemas.model import Message
from schemas.workflow_record import DELAY_MS_MIN, Activation, WorkflowVersion
from sinks.postgres.connection import Connection
from sinks.postgres.moment import moment
from sinks.postgres.statements import load_statement
from stream.batch import Record
from topics.registry import RECORD_BYTES_MAX

CODE: Final = "unreadable_workflow_record"
DELAY_MS_MAX: Final = 366 * 86_400_000
"""A year; a later activation is a slip of somebody's finger."""

M = TypeVar("M", bound=Message)

_is_key: Final = re.compile(
    r"(version|activation)/([a-z0-9][a-z0-9_.-]{0,63})/([a-z0-9][a-z0-9_.-]{0,63})/([0-9a-z-]{1,64})"
).fullmatch


@dataclass(frozen=True, slots=True)
class PublishedVersion:
    """A version and where it was first seen."""

    tenant: str
    workflow_id: str
    version: str
    content: WorkflowVersion
    published_at: datetime
    offset: int


@dataclass(frozen=True, slots=True)
class PublishedActivation:
    """An activation and where it was first seen."""

    activation_id: str
    content: Activation
    published_at: datetime
    offset: int

    @property
    def in_force_at(self) -> datetime:
        """Broker time from which it holds."""
        delay_ms = min(max(self.content.delay_ms, DELAY_MS_MIN), DELAY_MS_MAX)
        return self.published_at + timedelta(milliseconds=delay_ms)


Published = PublishedVersion | PublishedActivation


def parse_published(record: Record) -> Published | None:
    """Return what a record of the workflow topic publishes; None for a tombstone.

    Raises:
        MessageError: `unreadable_workflow_record`; every reader of the topic ignores it too.
    """
    if record.value is None:
        return None  # forgotten by the topic, not by us: stored judgments name their version
    key = _is_key((record.key or b"").decode("utf-8", "replace"))
    if key is None:
        raise MessageError(CODE, "key: not version/… or activation/…")
    kind, tenant, workflow_id, name = key.groups()
    published_at = moment(record.timestamp)
    if kind == "version":
        version = _parse(WorkflowVersion, record.value)
        if _version_of(version.document) != name:
            raise MessageError(CODE, "key: not the version of this document")
        return PublishedVersion(tenant, workflow_id, name, version, published_at, record.offset)
    activation = _parse(Activation, record.value)
    if (activation.tenant, activation.workflow_id) != (tenant, workflow_id):
        raise MessageError(CODE, "key: names another workflow than the value")
    return PublishedActivation(name, activation, published_at, record.offset)


def _version_of(document: dict[str, Any]) -> str | None:
    try:
        return version_of(document)
    except WorkflowErrors:
        return None


def _parse(model: type[M], value: bytes) -> M:
    try:
        return model.model_validate(parse_json(value, RECORD_BYTES_MAX))
    except MessageError as error:
        raise MessageError(CODE, error.reason) from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])[:128]
        raise MessageError(CODE, f"{where}: {first['msg'][:256]}") from None


_STORE_WORKFLOW: Final = load_statement("store_workflow")
_STORE_VERSION: Final = load_statement("store_workflow_version")
_STORE_ACTIVATION: Final = load_statement("store_workflow_activation")


async def store_published(connection: Connection, published: Sequence[Published]) -> None:
    """Store what was published, inside the caller's transaction; again changes nothing.

    Raises:
        RowRefused: PostgreSQL cannot hold one of them.
    """
    for one in published:
        if isinstance(one, PublishedVersion):
            await _store_version(connection, one)
        else:
            await _store_activation(connection, one)


async def _store_version(connection: Connection, one: PublishedVersion) -> None:
    content = one.content
    title = content.document.get("title")
    named = title if isinstance(title, str) else None
    await connection.execute(_STORE_WORKFLOW, one.tenant, one.workflow_id, named, one.published_at)
    await connection.execute(
        _STORE_VERSION, one.tenant, one.workflow_id, one.version,
        orjson.dumps(content.document).decode(), content.source, content.author, content.note,
        one.published_at, one.offset,
    )  # fmt: skip


async def _store_activation(connection: Connection, one: PublishedActivation) -> None:
    content = one.content
    await connection.execute(
        _STORE_WORKFLOW, content.tenant, content.workflow_id, None, one.published_at
    )
    await connection.execute(
        _STORE_ACTIVATION, content.tenant, content.workflow_id, one.activation_id, content.version,
        one.in_force_at, content.author, content.note, one.published_at, one.offset,
    )  # fmt: skip
