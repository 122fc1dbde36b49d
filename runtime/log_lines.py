"""Log lines: what one may hold, masked at this one place, and bounded in length."""

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson
from structlog.typing import EventDict, WrappedLogger

from runtime.masking import MASK, is_sensitive_key, mask

LINE_BYTES_MAX: Final = 65_536
DEPTH_MAX: Final = 8
ITEMS_MAX: Final = 200
INTEGER_MAX: Final = 2**53
HEAD_FIELDS: Final = ("event", "level", "logger", "timestamp", "process")
"""What stays of a line that is too long."""


def mask_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask every field of `event`, exceptions included: the last step before rendering."""
    return {mask(str(key)): _mask_value(str(key), value, DEPTH_MAX) for key, value in event.items()}


def render_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """Return `event` as one line of JSON of at most `LINE_BYTES_MAX` bytes."""
    line = orjson.dumps(event)
    if len(line) > LINE_BYTES_MAX:
        head = {name: str(event[name])[:1_024] for name in HEAD_FIELDS if name in event}
        line = orjson.dumps(head | {"cut_bytes": len(line)})
    return line.decode()


def _mask_value(key: str, value: Any, depth: int) -> Any:
    """Return `value` as JSON can hold it, without anything that must not be seen.

    Of an object that we do not know only the type is told: its `repr` may hold a payload.
    """
    if value is None or isinstance(value, bool | float):
        return value
    if is_sensitive_key(key):
        return MASK
    if isinstance(value, int):
        return _mask_integer(key, value)
    if isinstance(value, str | bytes | Path | UUID | BaseException):
        return _mask_text(str(value))
    return _mask_container(key, value, depth)


def _mask_container(key: str, value: Any, depth: int) -> Any:
    """Return the items of `value`, masked; only its type when it is deeper than we look."""
    if depth > 0 and isinstance(value, Mapping):
        items = islice(value.items(), ITEMS_MAX)
        return {mask(str(name)): _mask_value(str(name), item, depth - 1) for name, item in items}
    if depth > 0 and isinstance(value, Sequence | set | frozenset):
        return [_mask_value(key, item, depth - 1) for item in islice(value, ITEMS_MAX)]
    return f"<{type(value).__qualname__}>"


def _mask_text(text: str) -> str:
    return mask(text).encode("utf-8", "backslashreplace").decode()


def _mask_integer(key: str, value: int) -> int | str:
    """Return `value`; a card or resident number that came as a number is masked."""
    context = f"{key}={value}"
    if mask(context) != context:
        return MASK
    return value if abs(value) <= INTEGER_MAX else str(value)
