"""Results as rows: the bytes of a judgment become the tuple that COPY sends.

Pydantic would cost twice what everything else does. It is asked once per *shape*, the types of a
judgment's members; a judgment of a known shape gets only the checks that depend on its values.
"""

import re
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final

import orjson
from pydantic import ValidationError

from schemas.errors import MessageError
from schemas.identity import prepare_judgment_ids
from schemas.judgment import Judgment
from schemas.origin import Origin

CODE: Final = "unreadable_result"

COLUMNS: Final = (
    "judgment_id", "request_id", "tenant", "workflow_id", "workflow_version", "method", "status",
    "verdict", "confidence", "rule", "reason", "correlation_id", "submitted_by", "degraded", "test",
    "error_code", "requested_at", "judged_at", "execution_time_ms", "origin_topic",
    "origin_partition", "origin_offset", "origin_ts", "input_data", "detail",
)  # fmt: skip
"""Columns of `judgment_executions`, in the order of a row's values."""

Row = tuple[Any, ...]

WORKFLOWS_MAX: Final = 1_024
"""Workflows, versions and topics remembered as sound; any further one is looked at again."""
TIMES_MAX: Final = 4_096
"""Timestamps remembered: a batch is judged at one time, and requests come in bursts."""
SHAPES_MAX: Final = 4_096
"""Shapes remembered; a judgment of any further shape is validated in full each time."""
INTEGER_MAX: Final = 2**31 - 1
BIGINT_MAX: Final = 2**63 - 1

_members: Final = itemgetter(
    "judgment_id", "request_id", "tenant", "workflow_id", "workflow_version", "method", "status",
    "verdict", "confidence", "rule", "reason", "correlation_id", "submitted_by", "degraded", "test",
    "error", "requested_at", "judged_at", "execution_time_ms", "origin", "input_data", "unknown",
    "possible", "escalation", "llm", "engine",
)  # fmt: skip
_position: Final = itemgetter("topic", "partition", "offset", "timestamp")

_has_escaped_nul: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000").search
_are_ids: Final = re.compile(
    r"[a-z0-9][a-z0-9_.-]{0,63}\x1f[a-z0-9][a-z0-9_.-]{0,63}\x1f[A-Za-z0-9_.:-]{1,64}"
).fullmatch
_is_version: Final = lru_cache(WORKFLOWS_MAX)(re.compile(r"[0-9a-f]{64}").fullmatch)
_is_topic: Final = lru_cache(WORKFLOWS_MAX)(re.compile(r"[A-Za-z0-9._-]{1,249}").fullmatch)
_prepare_ids: Final = lru_cache(WORKFLOWS_MAX)(prepare_judgment_ids)

_METHODS: Final = frozenset({"rule", "hybrid", "llm"})
_STATUSES: Final = frozenset({"decided", "undetermined", "expired", "error"})
_TIMESTAMP_CHARS: Final = 24
VERSION_CHARS: Final = 64
NAME_CHARS_MAX: Final = 256
"""Of a verdict or a rule: both stand in an index, and PostgreSQL ends an entry at 2,704 bytes."""

_PLAIN: Final[dict[str, Any]] = {
    "unknown": [], "possible": [], "escalation": None, "llm": None, "error": None, "engine": "",
}  # fmt: skip
"""Detail of what rules decided by themselves, but for the engine."""
_NONE: Final = (None, None, None)

_known_shapes: set[tuple[type, ...]] = set()


def parse_row(value: bytes | None) -> Row:
    """Return the row of the judgment in `value`, in the order of `COLUMNS`.

    Raises:
        MessageError: `unreadable_result`: not a judgment of ours; to be buried.
    """
    if value is None:
        raise MessageError(CODE, "the record has no value")
    if b"\\" in value and _has_escaped_nul(value):
        raise MessageError(CODE, "holds \\u0000, which PostgreSQL cannot store")
    try:
        document = orjson.loads(value)
        return _make_row(document)
    except KeyError as error:
        raise MessageError(CODE, f"{error.args[0]}: missing") from None
    except (TypeError, ValueError) as error:
        raise MessageError(CODE, f"not a judgment: {str(error)[:256]}") from None


def parse_request_origin(value: bytes | None) -> str | None:
    """Return `topic/partition/offset/timestamp` of the request, if `value` still tells it."""
    try:
        origin = Origin.model_validate(orjson.loads(value or b"")["origin"])
    except (TypeError, ValueError, KeyError):
        return None
    if not _is_topic(origin.topic):
        return None
    return f"{origin.topic}/{origin.partition}/{origin.offset}/{origin.timestamp}"


def _make_row(document: Any) -> Row:
    """Raises KeyError, TypeError, ValueError or MessageError on anything but a judgment."""
    members = _members(document)
    (
        judgment_id, request_id, tenant, workflow_id, version, method, status, verdict, confidence,
        rule, reason, correlation_id, submitted_by, degraded, test, error, requested_at, judged_at,
        execution_time_ms, origin, input_data, unknown, possible, escalation, llm, engine,
    ) = members  # fmt: skip
    topic, partition, offset, timestamp = position = _position(origin)
    shape = (*map(type, members), *map(type, position))
    if shape not in _known_shapes:
        _learn_shape(document, shape)
    if not (
        _are_ids(f"{tenant}\x1f{workflow_id}\x1f{request_id}")
        and (version is None or (len(version) == VERSION_CHARS and _is_version(version)))
        and method in _METHODS
        and status in _STATUSES
        and (confidence is None or 0 <= confidence <= 1)
        and execution_time_ms >= 0
        and (verdict is None or len(verdict) <= NAME_CHARS_MAX)
        and (rule is None or len(rule) <= NAME_CHARS_MAX)
        and 0 <= partition <= INTEGER_MAX
        and 0 <= offset <= BIGINT_MAX
        and -1 <= timestamp <= BIGINT_MAX
        and len(topic) <= NAME_CHARS_MAX
        and _is_topic(topic)
    ):
        _validate(document)
        raise MessageError(CODE, "origin, verdict or rule: beyond what can be stored")
    if judgment_id != _prepare_ids(tenant, workflow_id)(request_id):
        raise MessageError(CODE, "judgment_id: not the id of this request")
    if unknown or possible or (escalation, llm, error) != _NONE or len(engine) > NAME_CHARS_MAX:
        members = {
            "unknown": unknown, "possible": possible, "escalation": escalation,
            "llm": llm, "error": error, "engine": engine,
        }  # fmt: skip
        detail = orjson.dumps(members).decode()
    else:
        detail = _encode_plain_detail(engine)
    return (
        judgment_id, request_id, tenant, workflow_id, version, method, status, verdict, confidence,
        rule, reason, correlation_id, submitted_by, degraded, test, error and error["code"],
        _parse_timestamp(requested_at), _parse_timestamp(judged_at), execution_time_ms,
        topic, partition, offset, timestamp,
        orjson.dumps(input_data).decode(), detail,
    )  # fmt: skip


@lru_cache(WORKFLOWS_MAX)
def _encode_plain_detail(engine: str) -> str:
    """Return the detail of what rules decided by themselves, which is nearly every judgment's."""
    return orjson.dumps(_PLAIN | {"engine": engine}).decode()


def _learn_shape(document: dict[str, Any], shape: tuple[type, ...]) -> None:
    """Let pydantic decide about judgments whose members have these types."""
    _validate(document)
    if len(_known_shapes) < SHAPES_MAX:
        _known_shapes.add(shape)


def _validate(document: Any) -> None:
    try:
        Judgment.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])[:128]
        raise MessageError(CODE, f"{where}: {first['msg'][:256]}") from None


@lru_cache(TIMES_MAX)
def _parse_timestamp(text: str) -> datetime:
    if len(text) != _TIMESTAMP_CHARS or text[-1] != "Z":
        raise ValueError("a timestamp is not RFC 3339 in UTC with milliseconds")
    return datetime.fromisoformat(text)
