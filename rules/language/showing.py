"""What a program knows of an event: the usable values of its fields, and what it derives."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rules.language.atoms import Shown, shown
from rules.language.input_value import why_unusable
from rules.language.kleene import UNKNOWN
from rules.language.reference import read_names
from rules.program import Program


@dataclass(frozen=True, slots=True)
class ShownValue:
    """One declared field or derived value of an event.

    Attributes:
        name: As expressions spell it.
        type: number, integer, string, boolean or list.
        unit: As its author wrote it; None for derived values.
        path: Where producers put it in the event; empty for derived values.
        formula: How it is derived; None for fields.
        value: As the rules see it; None for UNKNOWN. What an event holds beyond that, such as a
            text in place of a number, is not shown.
        problem: Why a field is UNKNOWN, without its value; None otherwise.
    """

    name: str
    type: str
    unit: str | None
    path: tuple[str, ...]
    formula: str | None
    value: Shown
    problem: str | None


def show_values(program: Program, input_data: Mapping[str, Any]) -> tuple[ShownValue, ...]:
    """Return all fields, then all derived values, in declared order."""
    names = read_names(program, input_data)
    fields = [
        ShownValue(
            name=field.name,
            type=field.type,
            unit=field.unit,
            path=field.path,
            formula=None,
            value=shown(names[field.name]),
            problem=None if is_usable else why_unusable(field, input_data) or "cannot be used",
        )
        for field in program.fields
        for is_usable in [names[field.name] is not UNKNOWN]
    ]
    derived = [
        ShownValue(
            name=name,
            type=expression.type,
            unit=None,
            path=(),
            formula=expression.text,
            value=shown(names[name]),
            problem=None,
        )
        for name, expression in program.derive
    ]
    return (*fields, *derived)
