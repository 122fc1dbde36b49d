"""An expression that has passed the type check."""

from dataclasses import dataclass

from rules.language.problems import Problem
from rules.language.tree import Node
from rules.language.types import Type


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression.

    Attributes:
        text: As the author wrote it; the positions in `root` and `warnings` count its characters.
        root: Its meaning.
        fields: The input fields that it reads, directly or through `derive`, in declared order.
        derived: The names of `derive` that it mentions, in the order of the text, each once.
        warnings: What is allowed and probably not meant.
    """

    text: str
    root: Node
    fields: tuple[str, ...]
    derived: tuple[str, ...]
    warnings: tuple[Problem, ...] = ()

    @property
    def type(self) -> Type:
        return self.root.type
