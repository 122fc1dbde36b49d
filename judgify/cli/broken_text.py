"""Text that a user types and nobody could keep: refused in one place, for every option."""

from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import Any

import typer


def refuse_broken_text(command: Any) -> None:
    """Let `command`, and every command below it, refuse text that is not UTF-8.

    Python keeps the bytes of a terminal of another encoding as lone surrogates, and whoever writes
    them down later fails. Paths are let through: file systems know no encoding.
    """
    for below in getattr(command, "commands", {}).values():
        refuse_broken_text(below)
    if command.callback is not None:
        command.callback = _refusing(command.callback, {it.name: it for it in command.params})


def _refusing(callback: Callable[..., Any], typed: dict[str, Any]) -> Callable[..., Any]:
    @wraps(callback)
    def check_first(*positional: Any, **named: Any) -> Any:
        for name, value in named.items():
            for text in _find_broken(value):
                reason = f"{text!r} is not UTF-8: nobody could keep it"
                raise typer.BadParameter(reason, param=typed.get(name))
        return callback(*positional, **named)

    return check_first


def _find_broken(value: object) -> Iterator[str]:
    """Yield what is not UTF-8 of a text, or of a list of texts."""
    texts: Iterable[object] = value if isinstance(value, list | tuple) else (value,)
    for text in texts:
        if isinstance(text, str) and not _is_utf8(text):
            yield text


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
