"""Explains what the rules found: each comparison with its values, and what was nearly true."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rules.findings import Findings
from rules.program import Program


@dataclass(frozen=True, slots=True)
class Explanation:
    """What was found, and why."""

    findings: Findings

    def lines(self) -> list[str]:
        """Return the explanation in plain words, a line each."""
        raise NotImplementedError


def explain(program: Program, input_data: Mapping[str, Any]) -> Explanation:
    """Return the findings with the trace of every rule that was walked."""
    raise NotImplementedError
