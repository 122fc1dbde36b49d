"""The type check: from text to a typed tree, or to every problem with its place and its fix."""

from typing import Final
from typing import Literal as Word

from rules.language.checker import Checker
from rules.language.exactness import is_exact, is_whole
from rules.language.expression import Expression
from rules.language.parser import parse_expression
from rules.language.problems import ExpressionError, refusal
from rules.language.scope import Scope
from rules.language.suspicions import suspicions
from rules.language.tree import Node, references
from rules.language.types import spelled

Expected = Word["boolean", "number"]

_EXPECTED_HINTS: Final[dict[Expected | None, str]] = {
    "boolean": "compare it with something",
    "number": "a condition belongs into a rule",
    None: "a list can stand only behind in, and in len()",
}


def check_expression(text: str, scope: Scope, expect: Expected | None = None) -> Expression:
    """Return the checked expression; with `expect` None it may be number, string or boolean.

    Raises:
        ExpressionError: It has a problem; all that were found are named, syntax errors one by one.
    """
    checker = Checker(scope)
    root = checker.check(parse_expression(text))
    if root is None:
        raise ExpressionError(checker.problems)
    _require_type(root, expect)
    mentioned = list(references(root))
    derived = tuple(dict.fromkeys(each.name for each in mentioned if each.derived))
    read = {each.name for each in mentioned if not each.derived}
    read.update(*(scope.derived[name].fields for name in derived))
    fields = tuple(name for name in scope.fields if name in read)
    is_number = root.type == "number"
    return Expression(
        text,
        root,
        fields,
        derived,
        warnings=tuple(suspicions(root, text, scope)),
        is_exact=not is_number or is_exact(root, scope),
        is_whole=is_number and is_whole(root, scope),
    )


def _require_type(root: Node, expect: Expected | None) -> None:
    usable = {"number", "string", "boolean"} if expect is None else {expect}
    if root.type not in usable:
        wanted = "a value" if expect is None else spelled(expect)
        message = f"expected {wanted}, this is {spelled(root.type)}"
        raise refusal(root, message, _EXPECTED_HINTS[expect])
