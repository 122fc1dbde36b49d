"""The type check of calls."""

from collections.abc import Callable
from typing import Final

from rules.language.functions import FUNCTIONS, Parameter, Signature
from rules.language.limits import ROUND_DIGITS_MAX
from rules.language.problems import refusal
from rules.language.resolve import did_you_mean
from rules.language.syntax import Syntax
from rules.language.tree import Call, Items, Literal, Node, Reference
from rules.language.types import spelled


def check_call(call: Syntax, arguments: list[Node]) -> Call:
    """Return the typed call.

    Raises:
        ExpressionError: There is no such function, or it does not take these arguments.
    """
    name = call.words[0]
    signature = FUNCTIONS.get(name)
    if signature is None:
        hint = did_you_mean(name, FUNCTIONS) or f"there are {', '.join(FUNCTIONS)}"
        raise refusal(call, f"unknown function {name!r}", hint)
    _require_count(call, signature, len(arguments))
    for position, argument in enumerate(arguments):
        parameter = signature.parameters[min(position, len(signature.parameters) - 1)]
        if not _FITS[parameter](argument):
            message = f"{name} takes {_WANTED[parameter]} here, this is {_found(argument)}"
            raise refusal(argument, message, f"write {signature.usage}")
    return Call(call.start, call.end, signature.result, name, tuple(arguments))


def _require_count(call: Syntax, signature: Signature, given: int) -> None:
    low, high = signature.count_min, signature.count_max
    if not low <= given <= high:
        wanted = f"{low}" if low == high else f"{low} to {high}"
        plural = "" if wanted == "1" else "s"
        message = f"{call.words[0]} takes {wanted} argument{plural}, not {given}"
        raise refusal(call, message, f"write {signature.usage}")


def _is_digits(argument: Node) -> bool:
    # Only a literal: the work of round() must be known before it runs.
    if not isinstance(argument, Literal) or argument.type != "number":
        return False
    return argument.value in range(ROUND_DIGITS_MAX + 1)


def _has_length(argument: Node) -> bool:
    if isinstance(argument, Items):
        return all(isinstance(item, Literal) for item in argument.items)
    return argument.type in {"string", "list"}


def _found(argument: Node) -> str:
    if isinstance(argument, Literal) and argument.type == "number":
        return f"{argument.value:g}"
    return spelled(argument.type)


_FITS: Final[dict[Parameter, Callable[[Node], bool]]] = {
    "number": lambda argument: argument.type == "number",
    "string": lambda argument: argument.type == "string",
    "string or list": _has_length,
    "field": lambda argument: isinstance(argument, Reference),
    "digits": _is_digits,
}

_WANTED: Final[dict[Parameter, str]] = {
    "number": "a number",
    "string": "a string",
    "string or list": "a string or a list",
    "field": "the name of a field",
    "digits": f"a number of decimals from 0 to {ROUND_DIGITS_MAX}, written down",
}
