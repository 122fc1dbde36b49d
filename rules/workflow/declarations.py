"""Checks what a document declares: fields, constants, verdicts, and the names of all of them."""

from collections.abc import Iterable, Iterator
from typing import Final

from rules.language.names import name_problem
from rules.language.types import ConstantValue, ScalarType, constant_type, scalar_type
from rules.program import UNDETERMINED, FieldSpec
from rules.workflow.document import Document, FieldPart
from rules.workflow.problems import Fault, Loc

RESERVED_VERDICTS: Final = frozenset({UNDETERMINED, "error", "expired"})
OTHERWISE: Final = "otherwise"
"""How counts name the case in which no rule was true; no rule may be called that."""

_MEMBER_TYPES: Final[dict[str, ScalarType]] = {
    "number": "number",
    "integer": "number",
    "string": "string",
    "boolean": "boolean",
}


def field_specs(document: Document) -> dict[str, FieldSpec]:
    return {name: _spec(name, part) for name, part in document.input.items()}


def declaration_faults(document: Document) -> Iterator[Fault]:
    """Yield what is wrong with the declarations, each at its place."""
    yield from _name_faults(document)
    for name, part in document.input.items():
        yield from _field_faults(("input", name), part)
    for name, value in document.constants.items():
        try:
            constant_type(value)
        except ValueError as error:
            yield Fault(("constants", name), f"the constant `{name}` {error}")
    for verdict in document.verdicts:
        if verdict in RESERVED_VERDICTS:
            message = f"`{verdict}` is reserved and cannot be declared"
            yield Fault(("verdicts", verdict), message, "choose another name", at_key=True)
    yield from _repeated_ids("rules", [rule.id for rule in document.rules])
    yield from _repeated_ids("actions", [action.id for action in document.actions])


def _spec(name: str, part: FieldPart) -> FieldSpec:
    low_high = None if part.range is None else (part.range[0], part.range[1])
    return FieldSpec(
        name=name,
        type=part.type,
        path=tuple(part.path or [part.source or name]),
        unit=part.unit,
        range=low_high,
        one_of=None if part.one_of is None else tuple(part.one_of),
        required=part.required,
    )


def _name_faults(document: Document) -> Iterator[Fault]:
    taken: dict[str, str] = {}
    for section in ("input", "constants", "derive"):
        for name in getattr(document, section):
            problem = name_problem(name)
            if problem:
                yield Fault((section, name), f"`{name}` {problem}", _rename(section), at_key=True)
            elif name in taken:
                message = f"`{name}` is already a name in {taken[name]}"
                yield Fault((section, name), message, "choose another name", at_key=True)
            taken.setdefault(name, section)


def _rename(section: str) -> str:
    return (
        "name it as expressions should, and write `from: …`" if section == "input" else "rename it"
    )


def _field_faults(loc: Loc, part: FieldPart) -> Iterator[Fault]:
    if part.source is not None and part.path is not None:
        yield Fault((*loc, "path"), "`from` and `path` together", "keep one of them", at_key=True)
    if part.range is not None:
        yield from _range_faults((*loc, "range"), part, part.range)
    if part.one_of is not None:
        yield from _member_faults((*loc, "one_of"), part, part.one_of)


def _range_faults(loc: Loc, part: FieldPart, bounds: list[float]) -> Iterator[Fault]:
    if part.type not in ("number", "integer"):
        yield Fault(loc, f"a {part.type} has no range", "remove it", at_key=True)
    elif bounds[0] > bounds[1]:
        yield Fault(loc, "the range is empty", f"write [{bounds[1]:g}, {bounds[0]:g}]")


def _member_faults(loc: Loc, part: FieldPart, members: Iterable[object]) -> Iterator[Fault]:
    wanted = _MEMBER_TYPES.get(part.type)
    if wanted is None:
        yield Fault(loc, "a list has no one_of", "remove it", at_key=True)
        return
    for index, member in enumerate(members):
        if scalar_type(member) != wanted:
            hint = "put it in quotes" if wanted == "string" else f"write a {wanted}, without quotes"
            message = f"a member of one_of must be a {wanted}, as the field's type says"
            yield Fault((*loc, index), message, hint)


def _repeated_ids(section: str, ids: list[str]) -> Iterator[Fault]:
    seen: set[str] = set()
    for index, name in enumerate(ids):
        if name in seen:
            yield Fault((section, index, "id"), f"`{name}` is here twice", "choose another id")
        if section == "rules" and name == OTHERWISE:
            message = f"`{OTHERWISE}` names the case in which no rule holds"
            yield Fault((section, index, "id"), message, "choose another id")
        seen.add(name)


def constant_values(document: Document) -> dict[str, ConstantValue]:
    return dict(document.constants)
