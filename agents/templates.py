"""Templates: the part of a judgment that is equal for all that were decided alike, made once.

They are kept across batches. The rules share their findings between inputs, so the object itself
names how a request was decided.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from rules.findings import Findings
from rules.ruling import Outcome, rule_outcome
from rules.workflow.compiled import CompiledWorkflow
from schemas.identity import prepare_judgment_ids
from schemas.request import Method

TEMPLATES_MAX: Final = 4_096
"""About a kilobyte each. Beyond it all are made anew."""
BY_RULES: Final[Mapping[str, Any]] = {
    "method": "rule", "submitted_by": None, "escalation": None, "llm": None
}  # fmt: skip
"""What every judgment of this agent has in common."""


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """What all judgments of one tenant, workflow version, method and findings have in common."""

    workflow: CompiledWorkflow
    findings: Findings
    """Kept alive as the workflow is: their addresses are the key."""
    outcome: Outcome
    make_id: Callable[[str], str]
    """From the id of a request to the id of its judgment."""
    constant: bytes
    """Members of the JSON object, from the comma before them to the key of the input."""


class Templates:
    """Every template in use."""

    def __init__(self) -> None:
        self._made: dict[tuple[int, int, str, Method], Template] = {}

    def of(
        self, tenant: str, workflow: CompiledWorkflow, method: Method, findings: Findings
    ) -> Template:
        """Return the template of requests that are decided like this."""
        key = (id(findings), id(workflow), tenant, method)
        template = self._made.get(key)
        if template is None:
            if len(self._made) >= TEMPLATES_MAX:
                self._made.clear()
            template = self._made[key] = _make(tenant, workflow, method, findings)
        return template


def _make(tenant: str, workflow: CompiledWorkflow, method: Method, findings: Findings) -> Template:
    outcome = rule_outcome(findings, method)
    members = {
        "tenant": tenant,
        "workflow_id": workflow.id,
        "workflow_version": workflow.version,
        "status": outcome.status,
        "verdict": outcome.verdict,
        "confidence": outcome.confidence,
        "rule": outcome.rule,
        "reason": outcome.reason,
        "unknown": outcome.unknown,
        "possible": outcome.possible,
        "degraded": outcome.degraded,
        "error": None,
        **BY_RULES,
    }
    make_id = prepare_judgment_ids(tenant, workflow.id)
    return Template(workflow, findings, outcome, make_id, encode_constant(members))


def encode_constant(members: Mapping[str, Any]) -> bytes:
    """Return members of the JSON object for between the ids and the input."""
    return b',%b,"input_data":' % orjson.dumps(members)[1:-1]
