"""The functions of the language: how many arguments of which type, and what comes out."""

from dataclasses import dataclass
from typing import Literal

Parameter = Literal["number", "string", "string or list", "field", "digits"]


@dataclass(frozen=True, slots=True)
class Signature:
    """`parameters` in order; the last one may be given up to `count_max` times in all."""

    parameters: tuple[Parameter, ...]
    count_min: int
    count_max: int
    result: Literal["number", "boolean"]
    usage: str


FUNCTIONS = {
    "abs": Signature(("number",), 1, 1, "number", "abs(x)"),
    "floor": Signature(("number",), 1, 1, "number", "floor(x)"),
    "ceil": Signature(("number",), 1, 1, "number", "ceil(x)"),
    "round": Signature(("number", "digits"), 1, 2, "number", "round(x) or round(x, 2)"),
    "min": Signature(("number",), 2, 8, "number", "min(a, b), up to 8 numbers"),
    "max": Signature(("number",), 2, 8, "number", "max(a, b), up to 8 numbers"),
    "len": Signature(("string or list",), 1, 1, "number", "len(text)"),
    "startswith": Signature(("string",), 2, 2, "boolean", "startswith(text, start)"),
    "endswith": Signature(("string",), 2, 2, "boolean", "endswith(text, end)"),
    "contains": Signature(("string",), 2, 2, "boolean", "contains(text, part)"),
    "present": Signature(("field",), 1, 1, "boolean", "present(field)"),
    "near": Signature(("number",), 3, 3, "boolean", "near(x, y, tolerance)"),
}
"""`round` rounds halves to even; `near(x, y, eps)` is `abs(x - y) <= eps`."""
