"""The namespace of generated code: the only way in for constants, field names and helpers."""

import unicodedata
from typing import Any

from rules.language.emit import operations
from rules.language.input_value import dig

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
    "normalize": unicodedata.normalize,
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
        self._names: dict[tuple[type, Any], str] = {}

    def constant(self, value: float | str | tuple[str, ...] | frozenset[Any]) -> str:
        """Return the name of a hashable value."""
        key = (type(value), value)
        if key not in self._names:
            self._names[key] = self.object(value)
        return self._names[key]

    def object(self, value: Any) -> str:
        """Return a new name for anything else."""
        name = f"k{len(self.values)}"
        self.values[name] = value
        return name
