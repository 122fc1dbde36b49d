"""The names that an expression may use."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from rules.language.constants import Constant
from rules.language.expression import Expression
from rules.language.types import ConstantValue
from rules.program import FieldSpec


@dataclass(frozen=True, slots=True)
class Scope:
    """Fields in declared order, constants, and the derived values above the expression."""

    fields: Mapping[str, FieldSpec] = field(default_factory=dict)
    constants: Mapping[str, ConstantValue] = field(default_factory=dict)
    derived: Mapping[str, Expression] = field(default_factory=dict)
    settled: dict[str, Constant] = field(default_factory=dict, compare=False, repr=False)
    """The constants that were mentioned so far, shared by all expressions."""

    def with_derived(self, name: str, expression: Expression) -> "Scope":
        """Return a scope that knows one derived value more."""
        return replace(self, derived={**self.derived, name: expression})
