"""What a workflow asks of the rule language: fields, constants, derived values and rules, checked.

A Program is pure data. It is made from a workflow document, and consumed by the code generator,
the reference evaluator and the tracer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from rules.language.expression import Expression
from rules.language.types import ConstantValue, Scalar

FieldType = Literal["number", "integer", "string", "boolean", "list"]

UNDETERMINED = "undetermined"
"""The verdict of a rule that cannot know: it stands for every declared verdict."""


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One name of `input`: where its value lies in `input_data`, and when it can be used.

    Attributes:
        name: As expressions spell it (NFC).
        type: `integer` is a number without a fraction, written 3 or 3.0; `list` holds strings and
            numbers. A boolean is not a number.
        path: Members of nested objects, outermost first; one of them for `from`.
        unit: Shown to people; without meaning here.
        range: Lowest and highest usable value, both included; an infinity leaves an end open.
        one_of: The usable values; None means all.
        required: Unusable input is invalid instead of UNKNOWN.
    """

    name: str
    type: FieldType
    path: tuple[str, ...]
    unit: str | None = None
    range: tuple[float, float] | None = None
    one_of: tuple[Scalar, ...] | None = None
    required: bool = False


@dataclass(frozen=True, slots=True)
class RuleSpec:
    """One rule; `when` is boolean, `verdict` a declared one or `undetermined`."""

    id: str
    when: Expression
    verdict: str
    confidence: float = 1.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Otherwise:
    """The verdict when no rule is true."""

    verdict: str
    confidence: float = 1.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Program:
    """Everything that decides, in declared order; whoever makes one has checked its parts.

    `derive` holds number, string and boolean expressions; each may use those above it.
    Names of fields, constants and derived values are distinct.
    """

    fields: tuple[FieldSpec, ...]
    rules: tuple[RuleSpec, ...]
    verdicts: tuple[str, ...]
    otherwise: Otherwise | None = None
    constants: Mapping[str, ConstantValue] = field(default_factory=dict)
    derive: tuple[tuple[str, Expression], ...] = ()
    min_confidence: float = 0.7
