"""The namespace of generated code: the only way in for constants, field names and helpers."""

from collections.abc import Callable
from typing import Any

import orjson

from rules.language.emit import operations
from rules.language.input_value import dig
from schemas.normal_form import normalize

HELPERS = {
    "type": type,
    "float": float,
    "int": int,
    "str": str,
    "bool": bool,
    "len": len,
    "abs": abs,
    "nan": operations.NAN,
    "floor": operations.floor,
    "ceil": operations.ceil,
    "round_half_even": operations.round_half_even,
    "minimum": operations.minimum,
    "maximum": operations.maximum,
    "overflow": operations.overflow,
    "normalize": normalize,
    "dig": dig,
}

EXCEPTIONS = {
    "ArithmeticError": ArithmeticError,
    "KeyError": KeyError,
    "TypeError": TypeError,
}


class Namespace:
    """Values under generated names, `k0`, `k1`, …; equal strings and numbers share one."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {"__builtins__": dict(EXCEPTIONS), **HELPERS}
        self._names: dict[tuple[object, object], str] = {}

    def constant(self, value: float | str | tuple[str, ...] | frozenset[Any]) -> str:
        """Return the name of a hashable value."""
        return self._once((type(value), value), lambda: value)

    def member(self, name: str) -> str:
        """Return the name of a key of events: of the very object that our decoder gives as key.

        orjson gives equal keys as one object (of up to 64 bytes), and a dict finds the same object
        in half the time of an equal one.
        """
        return self._once((orjson, name), lambda: _as_decoded(name))

    def table(self, constant: str, entries: tuple[tuple[str, Any], ...]) -> str:
        """Return the name of a constant map; all its look-ups share one."""
        return self._once((dict, constant), lambda: dict(entries))

    def getter(self, constant: str, entries: tuple[tuple[str, Any], ...]) -> str:
        """Return the name of the map's `get`."""
        table = self.values[self.table(constant, entries)]
        return self._once((dict.get, constant), lambda: table.get)

    def _once(self, key: tuple[object, object], make: Callable[[], Any]) -> str:
        if key not in self._names:
            self._names[key] = self.object(make())
        return self._names[key]

    def object(self, value: Any) -> str:
        """Return a new name for anything else."""
        name = f"k{len(self.values)}"
        self.values[name] = value
        return name


def _as_decoded(name: str) -> str:
    try:
        [key] = orjson.loads(orjson.dumps({name: None}))
    except orjson.JSONEncodeError:
        return name  # It has lone surrogates: no event has such a key.
    return str(key)
