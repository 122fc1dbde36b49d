"""The slow evaluator of programs, the oracle of the generated code.

It reads fields and walks the rules in its own words: what it shares with the code generator is
the typed tree, and nothing else.
"""

import math
import unicodedata
from collections.abc import Mapping
from typing import Any

from rules.findings import Findings
from rules.language.conclude import refuse
from rules.language.input_value import why_invalid
from rules.language.kleene import UNKNOWN, Environment, Value, value_of
from rules.language.limits import FIELD_ITEMS_MAX, STRING_CHARS_MAX
from rules.program import UNDETERMINED, FieldSpec, Program


def evaluate(program: Program, input_data: Mapping[str, Any]) -> Findings:
    """Return what the rules find; total, like the generated function."""
    names = read_names(program, input_data)
    if any(field.required and names[field.name] is UNKNOWN for field in program.fields):
        return refuse(why_invalid(program.fields, input_data) or "")
    left = _Left(program)
    for rule in program.rules:
        left.read(rule.when.fields)
        truth = value_of(rule.when.root, names)
        if truth is not False:
            left.add(rule.verdict, rule.confidence)
        if truth is True:
            return left.findings(names, rule.id, rule.reason, by_rule=rule.verdict)
    last = program.otherwise
    if last is None:
        left.add(UNDETERMINED, 1.0)
        return left.findings(names, None, "", by_rule=None)
    left.add(last.verdict, last.confidence)
    return left.findings(names, None, last.reason, by_rule=None)


def read_names(program: Program, input_data: Mapping[str, Any]) -> Environment:
    """Return the values of all fields and derived names."""
    names = {field.name: read_field(field, input_data) for field in program.fields}
    for name, expression in program.derive:
        names[name] = value_of(expression.root, names)
    return names


def read_field(field: FieldSpec, input_data: Mapping[str, Any]) -> Value:
    """Return the usable value of one field, or UNKNOWN."""
    found: Any = input_data
    for member in field.path:
        if not isinstance(found, dict) or member not in found:
            return UNKNOWN
        found = found[member]
    value = _usable(found)
    if not _has_type(value, field.type):
        return UNKNOWN
    if field.range is not None and not field.range[0] <= value <= field.range[1]:  # type: ignore[operator]  # ranges are of numbers only
        return UNKNOWN
    if field.one_of is not None and value not in [_usable(each) for each in field.one_of]:
        return UNKNOWN
    return value


def _usable(raw: Any) -> Value:
    """Return a value of JSON as the language sees it."""
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, (int, float)):
        try:
            return float(raw) if math.isfinite(raw) else UNKNOWN
        except OverflowError:
            return UNKNOWN
    if isinstance(raw, str):
        return UNKNOWN if len(raw) > STRING_CHARS_MAX else unicodedata.normalize("NFC", raw)
    if isinstance(raw, list) and len(raw) <= FIELD_ITEMS_MAX:
        items = tuple(
            _usable(item) if isinstance(item, (int, float, str)) else UNKNOWN for item in raw
        )
        usable = all(isinstance(item, (float, str)) for item in items)
        return items if usable else UNKNOWN
    return UNKNOWN


def _has_type(value: Value, of: str) -> bool:
    match of:
        case "number":
            return isinstance(value, float)
        case "integer":
            return isinstance(value, float) and value == math.floor(value)
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case _:
            return isinstance(value, tuple)


class _Left:
    """The verdicts that are left while the walk goes down the rules."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._verdicts: set[str] = set()
        self._confidence = 1.0
        self._read: set[str] = set()

    def read(self, fields: tuple[str, ...]) -> None:
        self._read.update(fields)

    def add(self, verdict: str, confidence: float) -> None:
        everything = self._program.verdicts
        self._verdicts.update(everything if verdict == UNDETERMINED else (verdict,))
        self._confidence = min(self._confidence, confidence)

    def findings(
        self, names: Environment, rule: str | None, reason: str, *, by_rule: str | None
    ) -> Findings:
        possible = tuple(each for each in self._program.verdicts if each in self._verdicts)
        decided = possible[0] if len(possible) == 1 else None
        sufficient = decided is not None and self._confidence >= self._program.min_confidence
        return Findings(
            possible=possible,
            verdict=decided,
            confidence=None if decided is None else self._confidence,
            rule=rule,
            reason=reason,
            unknown=tuple(
                field.name
                for field in self._program.fields
                if field.name in self._read and names[field.name] is UNKNOWN
            ),
            proven=sufficient and by_rule == decided,
            conclusive=sufficient,
        )
