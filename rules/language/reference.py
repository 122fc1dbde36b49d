"""The slow evaluator that says what the language means; the generated code must agree with it."""

from collections.abc import Mapping
from typing import Any

from rules.findings import Findings
from rules.program import Program


def evaluate(program: Program, input_data: Mapping[str, Any]) -> Findings:
    """Return what the rules find; total, like the generated function."""
    raise NotImplementedError
