"""Compiles a program into one Python function."""

from collections.abc import Callable
from typing import Any

from rules.findings import Findings
from rules.program import Program


def generate(program: Program) -> Callable[[dict[str, Any]], Findings]:
    """Return a total function from `input_data` to what the rules find in it."""
    raise NotImplementedError
