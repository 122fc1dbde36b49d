"""The type check: from text to a typed tree, or to every problem with its place and its fix."""

from typing import Literal

from rules.language.expression import Expression
from rules.language.scope import Scope


def check_expression(
    text: str, scope: Scope, expect: Literal["boolean", "number"] | None = None
) -> Expression:
    """Return the checked expression; with `expect` None it may be number, string or boolean.

    Raises:
        ExpressionError: It has a problem.
    """
    raise NotImplementedError
