"""Constants in the form that trees hold, made once however often an expression mentions them."""

from collections.abc import Mapping
from dataclasses import dataclass

from rules.language.tree import Literal
from rules.language.types import (
    ConstantValue,
    Scalar,
    Type,
    constant_type,
    element_type,
    normalized,
)


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant; which of the others holds it depends on its type.

    Attributes:
        type: Of the whole.
        scalar: A single value; None for a list or a map.
        items: Of a list; as nodes they stand nowhere, since only the name stands in a text.
        entries: Of a map, in declared order.
        keys: Of a map.
    """

    type: Type
    scalar: Scalar | None = None
    items: tuple[Literal, ...] = ()
    entries: tuple[tuple[str, Scalar], ...] = ()
    keys: frozenset[str] = frozenset()


def settle_constant(value: ConstantValue) -> Constant:
    """Return the constant with its numbers as doubles and its strings in NFC.

    Raises:
        ValueError: The value cannot be a constant; the message completes "the constant …".
    """
    of = constant_type(value)
    if isinstance(value, Mapping):
        entries = tuple((str(normalized(key)), normalized(each)) for key, each in value.items())
        return Constant(of, entries=entries, keys=frozenset(key for key, _ in entries))
    if isinstance(value, (str, bool, int, float)):
        return Constant(of, scalar=normalized(value))
    each_type = element_type(of) or "string"
    return Constant(of, items=tuple(Literal(0, 0, each_type, normalized(each)) for each in value))
