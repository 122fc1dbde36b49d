"""Checks the shape of a document: keys, types and bounds, all faults at once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from rules.workflow.document import Document
from rules.workflow.problems import Fault, Loc
from rules.workflow.structure_words import explain_shape_error

_PIECEWISE: Final = frozenset(
    {"input", "constants", "derive", "rules", "verdicts", "actions", "tests"}
)
_STAND_INS: Final = {"judgify": 1, "id": "unnamed", "verdicts": {"unnamed": {}}, "rules": []}
"""What a document without its required keys is read with, so that the rest can be checked."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The sound part of a document.

    Attributes:
        document: None when nothing could be made of it.
        faults: What is wrong; empty when the document is sound as a whole.
        dropped: The pieces that were left out: `("rules", 2)`, `("verdicts",)`.
        rules: For each rule of `document` its index in the document as written.
    """

    document: Document | None
    faults: tuple[Fault, ...]
    dropped: frozenset[Loc]
    rules: tuple[int, ...]


def check_shape(data: Mapping[str, Any]) -> Shape:
    """Return the document, or its faults with the part that is sound in spite of them."""
    faults = list(_empty_values(data))
    try:
        document = Document.model_validate(dict(data))
    except ValidationError as error:
        empty = {fault.loc for fault in faults}
        shown = [explain_shape_error(each, data) for each in error.errors(include_url=False)]
        faults += [fault for fault in shown if fault.loc not in empty]
    else:
        if not faults:
            return Shape(document, (), frozenset(), tuple(range(len(document.rules))))
    dropped = frozenset(_piece(fault.loc) for fault in faults)
    sound, rules = _without(data, dropped)
    try:
        document_left = Document.model_validate(sound)
    except ValidationError:
        document_left = None
    return Shape(document_left, tuple(faults), dropped, rules)


def _empty_values(data: Mapping[str, Any]) -> Iterable[Fault]:
    """Find keys without a value. Only events and expectations may hold null."""
    pending: list[tuple[Loc, Any]] = [((), data)]
    while pending:
        loc, value = pending.pop()
        if value is None:
            message = f"`{loc[-1]}` has no value" if isinstance(loc[-1], str) else "no value"
            yield Fault(loc, message, "give it one, or remove the line", at_key=True)
        elif isinstance(value, Mapping):
            pending += [((*loc, key), each) for key, each in value.items() if not _free(loc, key)]
        elif isinstance(value, list):
            pending += [((*loc, index), each) for index, each in enumerate(value)]


def _free(loc: Loc, key: str) -> bool:
    return loc[:1] == ("tests",) and len(loc) == 2 and key in ("input", "expect")


def _piece(loc: Loc) -> Loc:
    """Return the smallest part that can be left out without touching its neighbours."""
    return loc[:2] if loc and loc[0] in _PIECEWISE else loc[:1]


def _without(
    data: Mapping[str, Any], dropped: frozenset[Loc]
) -> tuple[dict[str, Any], tuple[int, ...]]:
    sound: dict[str, Any] = {}
    rules: tuple[int, ...] = ()
    for key, value in data.items():
        if (key,) in dropped:
            continue
        kept = value
        if key in _PIECEWISE and isinstance(value, Mapping):
            kept = {name: each for name, each in value.items() if (key, name) not in dropped}
        elif key in _PIECEWISE and isinstance(value, list):
            indices = tuple(index for index in range(len(value)) if (key, index) not in dropped)
            kept = [value[index] for index in indices]
            rules = indices if key == "rules" else rules
        sound[key] = kept
    return {**_STAND_INS, **sound}, rules
