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
        is_exact: It is no number, or one that is not the result of rounding.
        is_whole: It is an integer whenever it is known. Both are settled here, once: whoever
            asked through a chain of derived values would ask twice as often with each link.
    """

    text: str
    root: Node
    fields: tuple[str, ...]
    derived: tuple[str, ...]
    warnings: tuple[Problem, ...] = ()
    is_exact: bool = True
    is_whole: bool = False

    @property
    def type(self) -> Type:
        return self.root.type
