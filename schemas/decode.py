r"""The only parser of outside bytes: orjson behind guards, the exact parser behind the guards.

orjson is four times as fast as the exact parser and accepts duplicate keys and \u0000, and rounds
integers beyond 64 bits. The guards never let such a document pass as plain, and send every document
they cannot vouch for to the exact parser, which decides. A request as most producers write it, its
`input_data` last, is not even parsed as a whole: one pattern reads what stands before the input.
Property tests hold all ways together.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple, cast

import orjson
from pydantic import ValidationError

from schemas.errors import MessageError
from schemas.exact_json import INTEGER_MAX, LEVELS_MAX, parse_exact, unreadable
from schemas.request import Method, Request

REQUEST_BYTES_MAX: Final = 262_144
"""Largest document that is parsed, bytes."""

_COLON, _BACKSLASH, _BRACE = b":\\}"  # as numbers they are found in a tenth of the time
_SPACED_COLONS: Final = (b" :", b"\n:", b"\r:", b"\t:")
_TRICKY_ESCAPES: Final = (b'\\"', b"\\\\", b"\\u0000")
_LOWEST, _HIGHEST = -INTEGER_MAX, INTEGER_MAX
_LOWEST_FLOAT, _HIGHEST_FLOAT = float(_LOWEST), float(_HIGHEST)  # like compares faster with like
INPUT_COPIED_BYTES_MAX: Final = 8_192
"""A longer input is encoded anew: nobody's padding travels on."""


class ParsedRequest(NamedTuple):
    """The fields of a `Request` as plain values: what the hot path reads."""

    workflow_id: str
    input_data: dict[str, Any]
    request_id: str | None = None
    tenant: str = "default"
    method: Method | None = None
    deadline_ms: int | None = None
    correlation_id: str | None = None
    test: bool = False
    input_json: bytes | None = None
    """`input_data` as the producer wrote it, where those bytes are known to say just that."""


_make_request: Final = cast(
    Callable[[tuple[Any, ...]], ParsedRequest], partial(tuple.__new__, ParsedRequest)
)
"""From all fields of a `ParsedRequest`, in order, in a third of the time of naming them."""


class _NotPlain(Exception):  # noqa: N818 -- a signal, not an error
    """The guards cannot vouch for this document."""


def parse_json(raw: bytes, bytes_max: int = REQUEST_BYTES_MAX) -> Any:
    """Return the JSON value of `raw`, at most `bytes_max` bytes.

    Raises:
        MessageError: `unreadable`: what is wrong and where; the record is to be buried.
    """
    if len(raw) > bytes_max:
        raise MessageError("too_large", f"{len(raw)} bytes, at most {bytes_max} are read")
    try:
        value = orjson.loads(raw)
        keys = _count_keys((value,), 0)
    except (orjson.JSONDecodeError, _NotPlain):
        return parse_exact(raw)
    return value if _is_unambiguous(raw, keys) else parse_exact(raw)


def _is_unambiguous(raw: bytes, keys: int) -> bool:
    """Say whether it is sure that no key stands twice in `raw`, and that it holds no NUL."""
    if keys == raw.count(_COLON) and _BACKSLASH not in raw:
        return True  # every colon ends a key that was parsed
    return keys == raw.count(b'":') and not _is_tricky(raw)


def _is_tricky(raw: bytes) -> bool:
    # With none of these in it, every key that is written shows exactly one `":`. So a document
    # with as many parsed keys as `":` has no key twice.
    for colon in _SPACED_COLONS:
        if colon in raw:
            return True
    return b"\\" in raw and any(escape in raw for escape in _TRICKY_ESCAPES)


def _count_keys(value: Any, level: int) -> int:
    """Return how many keys `value`, an array or object, holds at all levels.

    Raises:
        _NotPlain: too deep, or a number that orjson may have rounded; the exact parser decides.
    """
    if level > LEVELS_MAX:
        raise _NotPlain
    is_object = value.__class__ is dict
    keys = len(value) if is_object else 0
    for item in value.values() if is_object else value:
        kind = item.__class__
        if kind is float:
            if item > _HIGHEST_FLOAT or item < _LOWEST_FLOAT:
                raise _NotPlain
        elif kind is int:
            if item > _HIGHEST or item < _LOWEST:
                raise _NotPlain
        elif kind is dict or kind is list:
            keys += _count_keys(item, level + 1)
    return keys


_is_slug: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}").fullmatch
_is_request_id: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}").fullmatch
_METHODS: Final = frozenset((None, "rule", "hybrid", "llm"))


_read_head: Final = re.compile(
    rb"\{(?:"
    rb'"workflow_id": ?(?(1)(?!))"([a-z0-9][a-z0-9_.-]{0,63})", ?'
    rb'|"request_id": ?(?(2)(?!))"([A-Za-z0-9_.:-]{1,64})", ?'
    rb'|"tenant": ?(?(3)(?!))"([a-z0-9][a-z0-9_.-]{0,63})", ?'
    rb'|"method": ?(?(4)(?!))"(rule|hybrid|llm)", ?'
    rb'|"test": ?(?(5)(?!))(true|false), ?'
    rb')++"input_data": ?(?=\{)'
).match
"""What stands before the input: fields of a request in any order, all of them plain.

`(?(1)(?!))` matches nothing once group 1 has matched: no field stands twice.
"""


def parse_request(raw: bytes | None) -> ParsedRequest:
    """Return the request in the value of a record of `requests.v1`.

    `submitted_by` is dropped: nothing here can vouch for it.

    Raises:
        MessageError: `unreadable`, `too_large`, `empty` or `invalid_request`; to be buried.
    """
    if not raw:
        raise MessageError("empty", "the record has no value")
    return _parse_usual(raw) or _parse_any(raw)


def _parse_usual(raw: bytes) -> ParsedRequest | None:
    """Return the request if plain fields come first and the input last; None: parse it as a whole.

    If what stands before the input is an object when a brace follows, and what stands after it is
    an object by itself, then both together are one object: JSON has no other way to read them.
    """
    head = _read_head(raw)
    if head is None or raw[-1] != _BRACE or len(raw) > REQUEST_BYTES_MAX:
        return None
    body = raw[head.end() : -1]
    try:
        input_data = orjson.loads(body)
        keys = _count_keys(input_data, 2)
        if (keys != body.count(_COLON) or _BACKSLASH in body) and not _is_unambiguous(body, keys):
            return None
    except (orjson.JSONDecodeError, _NotPlain):
        return None
    workflow_id, request_id, tenant, method, test = head.groups()
    if workflow_id is None:
        return None
    return _make_request(
        (
            workflow_id.decode(),
            input_data,
            request_id.decode() if request_id else None,
            tenant.decode() if tenant else "default",
            method.decode() if method else None,
            None,
            None,
            test == b"true",
            body if len(body) <= INPUT_COPIED_BYTES_MAX else None,
        )
    )


def _parse_any(raw: bytes) -> ParsedRequest:
    document = parse_json(raw)
    if document.__class__ is not dict:
        raise unreadable("the document is not an object")
    get = document.get
    request = ParsedRequest(
        get("workflow_id"),  # type: ignore[arg-type]  # -- checked below
        get("input_data"),  # type: ignore[arg-type]  # -- checked below
        get("request_id"),
        get("tenant", "default"),
        get("method"),
        get("deadline_ms"),
        get("correlation_id"),
        get("test", False),
    )
    return request if _is_plain(request) and "submitted_by" not in document else _validate(document)


def _is_plain(request: ParsedRequest) -> bool:
    """Vouch for the usual request; whatever else there is, pydantic decides."""
    workflow_id, input_data, request_id, tenant, method, deadline_ms, correlation_id, test, _ = (
        request
    )
    return (
        workflow_id.__class__ is str
        and _is_slug(workflow_id) is not None
        and input_data.__class__ is dict
        and (
            request_id is None
            or (request_id.__class__ is str and _is_request_id(request_id) is not None)
        )
        and (tenant == "default" or (tenant.__class__ is str and _is_slug(tenant) is not None))
        and (method is None or (method.__class__ is str and method in _METHODS))
        and deadline_ms is None
        and correlation_id is None
        and test.__class__ is bool
    )


def _validate(document: dict[str, Any]) -> ParsedRequest:
    try:
        request = Request.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])[:128]
        raise MessageError("invalid_request", f"{where}: {first['msg'][:256]}") from None
    return ParsedRequest(
        request.workflow_id,
        request.input_data,
        request.request_id,
        request.tenant,
        request.method,
        request.deadline_ms,
        request.correlation_id,
        request.test,
    )
