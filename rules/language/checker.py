"""Types, bottom up: turns the syntax tree into the typed tree and collects what is wrong."""

from collections.abc import Callable, Mapping
from typing import Literal as Word
from typing import cast

from rules.language.calls import check_call
from rules.language.limits import PROBLEMS_MAX
from rules.language.problems import ExpressionError, Problem, refusal
from rules.language.resolve import resolve_lookup, resolve_name
from rules.language.scope import Scope
from rules.language.syntax import Kind, Syntax
from rules.language.tree import (
    Arithmetic,
    Between,
    Comparator,
    Comparison,
    IsNull,
    Items,
    Literal,
    Logic,
    Membership,
    Negative,
    Node,
    Not,
    Operator,
)
from rules.language.types import ScalarType, Type, element_type, list_of, scalar_type, spelled

_SCALARS: tuple[Type, ...] = ("number", "string", "boolean")


class Checker:
    """The names in reach and the problems so far; one per expression."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self.problems: list[Problem] = []

    def check(self, syntax: Syntax) -> Node | None:
        """Return the typed tree; None when it has a problem, which then is in `problems`.

        Neighbours of a problem are checked all the same; what stands above one is not.
        """
        parts = () if syntax.kind == "lookup" else tuple(map(self.check, syntax.parts))
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            return None
        try:
            return self._typed(syntax, known)
        except ExpressionError as error:
            if len(self.problems) < PROBLEMS_MAX:
                self.problems.extend(error.problems)
            return None

    def _typed(self, syntax: Syntax, parts: list[Node]) -> Node:
        match syntax.kind:
            case "name":
                return resolve_name(syntax, self._scope)
            case "lookup":
                return resolve_lookup(syntax, self._scope)
            case "call":
                return check_call(syntax, parts)
            case kind:
                return _BY_KIND[kind](syntax, parts)


def _literal(syntax: Syntax, _: list[Node]) -> Literal:
    value = syntax.value
    of = scalar_type(value)
    assert value is not None and of is not None  # noqa: PT018, S101 -- the lexer makes no other
    return Literal(syntax.start, syntax.end, of, value)


def _null(syntax: Syntax, _: list[Node]) -> Node:
    hint = "use is null or is not null: nothing equals null"
    raise refusal(syntax, "null is no value", hint)


def _items(syntax: Syntax, parts: list[Node]) -> Items:
    for part in parts:
        if part.type not in _SCALARS:
            raise refusal(part, f"{spelled(part.type)} cannot be an item of a list")
    found = sorted({f"{part.type}s" for part in parts})
    if len(found) > 1:
        hint = "all items of a list have one type"
        raise refusal(syntax, f"the list mixes {' and '.join(found)}", hint)
    of = list_of(cast(ScalarType, parts[0].type)) if parts else "list of nothing"
    return Items(syntax.start, syntax.end, of, tuple(parts))


def _negative(syntax: Syntax, parts: list[Node]) -> Node:
    operand = _require("number", parts[0])
    if isinstance(operand, Literal):
        return Literal(syntax.start, syntax.end, "number", -cast(float, operand.value))
    return Negative(syntax.start, syntax.end, "number", operand)


def _arithmetic(syntax: Syntax, parts: list[Node]) -> Arithmetic:
    for part in parts:
        _require("number", part)
    rest = tuple(zip(cast(tuple[Operator, ...], syntax.words), parts[1:], strict=True))
    return Arithmetic(syntax.start, syntax.end, "number", parts[0], rest)


def _logic(syntax: Syntax, parts: list[Node]) -> Logic:
    for part in parts:
        _require("boolean", part)
    operator = cast(Word["and", "or"], syntax.words[0])
    return Logic(syntax.start, syntax.end, "boolean", operator, tuple(parts))


def _not(syntax: Syntax, parts: list[Node]) -> Not:
    return Not(syntax.start, syntax.end, "boolean", _require("boolean", parts[0]))


def _between(syntax: Syntax, parts: list[Node]) -> Between:
    value, low, high = (_require("number", part) for part in parts)
    return Between(syntax.start, syntax.end, "boolean", value, low, high)


def _is_null(syntax: Syntax, parts: list[Node]) -> IsNull:
    if isinstance(parts[0], Items):
        raise refusal(parts[0], "a list that is written down is never null")
    return IsNull(syntax.start, syntax.end, "boolean", bool(syntax.words), parts[0])


def _comparison(syntax: Syntax, parts: list[Node]) -> Comparison:
    left, right = parts
    operator = cast(Comparator, syntax.words[0])
    for part in parts:
        if part.type not in _SCALARS:
            raise refusal(part, f"{spelled(part.type)} cannot be compared", "use in")
    if left.type != right.type:
        message = f"cannot compare {spelled(left.type)} with {spelled(right.type)}"
        raise refusal(syntax, message, _mismatch_hint(left, right))
    if left.type == "boolean" and operator not in {"==", "!="}:
        raise refusal(syntax, "true and false have no order", "use ==, and, or, not")
    return Comparison(syntax.start, syntax.end, "boolean", operator, left, right)


def _membership(syntax: Syntax, parts: list[Node]) -> Membership:
    value, container = parts
    if container.type in _SCALARS:
        hint = "write a list, [a, b]"
        if container.type == "string":
            hint = "write a list, ['a', 'b']; contains(text, part) searches a text"
        raise refusal(container, f"in needs a list, this is {spelled(container.type)}", hint)
    if value.type not in _element_types(container):
        message = f"{spelled(value.type)} cannot be in {spelled(container.type)}"
        raise refusal(syntax, message, _mismatch_hint(value, container))
    return Membership(syntax.start, syntax.end, "boolean", bool(syntax.words), value, container)


def _element_types(container: Node) -> tuple[Type, ...]:
    if container.type == "list":
        return ("number", "string")
    of = element_type(container.type)
    return (of,) if of else _SCALARS


def _require(of: ScalarType, part: Node) -> Node:
    if part.type != of:
        message = f"expected {spelled(of)}, this is {spelled(part.type)}"
        raise refusal(part, message, _conversion_hint(of, part))
    return part


def _conversion_hint(of: ScalarType, part: Node) -> str | None:
    if of == "number" and _is_quoted_number(part):
        return "remove the quotes"
    if of == "boolean" and part.type in {"number", "string"}:
        return "compare it with something"
    return None


def _mismatch_hint(left: Node, right: Node) -> str:
    if _is_quoted_number(left) or _is_quoted_number(right):
        return "remove the quotes around the number"
    return "both sides must be of one type; a field has the type that input declares"


def _is_quoted_number(part: Node) -> bool:
    if not isinstance(part, Literal) or not isinstance(part.value, str):
        return False
    try:
        float(part.value)
    except ValueError:
        return False
    return True


_BY_KIND: Mapping[Kind, Callable[[Syntax, list[Node]], Node]] = {
    "literal": _literal,
    "null": _null,
    "list": _items,
    "negative": _negative,
    "arithmetic": _arithmetic,
    "logic": _logic,
    "not": _not,
    "between": _between,
    "is null": _is_null,
    "comparison": _comparison,
    "in": _membership,
}
