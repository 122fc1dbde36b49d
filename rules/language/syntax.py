"""The syntax tree: what was written, before names and types are settled."""

from dataclasses import dataclass
from typing import Literal

from rules.language.types import Scalar

Kind = Literal[
    "literal", "null", "name", "list", "call", "lookup", "negative", "arithmetic",
    "comparison", "between", "in", "is null", "not", "logic",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Syntax:
    """A piece of text with its parts.

    Attributes:
        kind: What it is.
        start: First character, 0-based.
        end: One past the last character.
        parts: The operands, in the order of the text.
        words: The name, the function, or the operators; `not` in front of `in` and `null`.
        value: Of a literal.
    """

    kind: Kind
    start: int
    end: int
    parts: tuple["Syntax", ...] = ()
    words: tuple[str, ...] = ()
    value: Scalar | None = None
