"""The question: what an LLM may choose among, and what it may know, made of an escalation.

An escalation is only believed where it agrees with the rules. They are pure, so they are asked
again: a record that anybody wrote on the topic cannot open an envelope, put words into the prompt,
or unsettle a verdict that they have proven.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from pydantic import ValidationError

from rules.findings import Findings
from rules.language.showing import ShownValue
from rules.ruling import explain_escalation, is_llm_due
from rules.workflow.compiled import CompiledWorkflow
from schemas.decode import parse_json
from schemas.errors import MessageError
from schemas.escalation import Escalation
from schemas.identity import make_judgment_id

ESCALATION_BYTES_MAX: Final = 2 * 1024 * 1024
"""What the topic accepts; an event of 256 KiB grows that much when its numbers are written out."""

Obstacle = Literal[
    "method_not_allowed",
    "invalid_input",
    "settled",
    "contradicted",
    "no_choice",
    "prompt_too_large",
]


@dataclass(frozen=True, slots=True)
class Choice:
    """A verdict that may be answered; its title is empty where the author gave none."""

    verdict: str
    title: str
    severity: str


@dataclass(frozen=True, slots=True)
class Question:
    """Everything that the prompt says, and nothing else. Equal questions give equal prompts.

    Attributes:
        workflow_id: As requests name it.
        version: Of the workflow, 64 hex digits.
        title: What people call the workflow.
        instructions: The author's; may be empty.
        choices: The envelope, sorted by name; at least one.
        values: What the workflow knows of the event, fields and derived values, sorted by name.
        findings: What the rules found; the order of its names means nothing.
        why: Why they could not decide.
        min_confidence: An answer less sure than this counts as none.
    """

    workflow_id: str
    version: str
    title: str
    instructions: str
    choices: tuple[Choice, ...]
    values: tuple[ShownValue, ...]
    findings: Findings
    why: str
    min_confidence: float

    @property
    def verdicts(self) -> tuple[str, ...]:
        """Return the verdicts that may be answered."""
        return tuple(choice.verdict for choice in self.choices)


@dataclass(frozen=True, slots=True)
class Unanswerable:
    """No LLM is asked; the outcome is that of the rules.

    Attributes:
        obstacle: `contradicted` and `settled` are records that rule-agent would not have written.
        reason: For people, without a word of the escalation's own.
    """

    obstacle: Obstacle
    reason: str


def parse_escalation(raw: bytes | None) -> Escalation:
    """Return the escalation in the value of a record of `escalations.v1`.

    Raises:
        MessageError: `empty`, `too_large`, `unreadable` or `invalid_escalation`; to be buried.
    """
    if not raw:
        raise MessageError("empty", "the record has no value")
    try:
        escalation = Escalation.model_validate(parse_json(raw, ESCALATION_BYTES_MAX))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])[:128]
        raise MessageError("invalid_escalation", f"{where}: {first['msg'][:256]}") from None
    named = (escalation.tenant, escalation.workflow_id, escalation.request_id)
    if escalation.judgment_id != make_judgment_id(*named):
        raise MessageError("invalid_escalation", "judgment_id: not that of its request")
    return escalation


def make_question(escalation: Escalation, workflow: CompiledWorkflow) -> Question | Unanswerable:
    """Return what an LLM may be asked, or why it may not.

    `workflow` is the version that the escalation names.
    """
    if (escalation.workflow_id, escalation.workflow_version) != (workflow.id, workflow.version):
        raise ValueError("the workflow is not the one that the escalation names")
    findings = workflow.find(escalation.input_data)
    obstacle = _find_obstacle(escalation, workflow, findings)
    return obstacle or _ask_about(escalation.input_data, workflow, findings)


def remake_question(
    input_data: dict[str, Any], workflow: CompiledWorkflow
) -> Question | Unanswerable:
    """Return the question that an event led to when it was judged by `workflow`, for people."""
    findings = workflow.find(input_data)
    if findings.invalid is not None:
        return Unanswerable("invalid_input", findings.invalid)
    return _ask_about(input_data, workflow, findings)


def _ask_about(
    input_data: dict[str, Any], workflow: CompiledWorkflow, findings: Findings
) -> Question | Unanswerable:
    choices = _envelope(workflow, findings)
    if not choices:
        return Unanswerable("no_choice", _explain_no_choice(workflow, findings))
    in_order = replace(findings, possible=tuple(sorted(findings.possible)))
    return Question(
        workflow_id=workflow.id,
        version=workflow.version,
        title=workflow.title,
        instructions=workflow.llm.instructions,
        choices=choices,
        values=tuple(sorted(workflow.show(input_data), key=lambda each: each.name)),
        findings=findings,
        why=explain_escalation(in_order, workflow.min_confidence),
        min_confidence=workflow.llm.min_confidence,
    )


def _find_obstacle(
    escalation: Escalation, workflow: CompiledWorkflow, findings: Findings
) -> Unanswerable | None:
    method = escalation.method
    if method == "rule" or method not in workflow.methods:
        reason = f"method {method} is not one of {', '.join(workflow.methods)}"
        return Unanswerable("method_not_allowed", reason)
    if findings.invalid is not None:
        return Unanswerable("invalid_input", findings.invalid)
    if not is_llm_due(findings, method):
        return Unanswerable("settled", "the rules decide this by themselves")
    if not _agree(escalation, findings):
        return Unanswerable("contradicted", "the escalation says otherwise than the rules")
    return None


def _agree(escalation: Escalation, findings: Findings) -> bool:
    """Say whether the escalation says what the rules find.

    The order of names is that of the document's keys, which means nothing.
    """
    said = (escalation.verdict, escalation.confidence, escalation.rule, escalation.reason)
    return (
        said == (findings.verdict, findings.confidence, findings.rule, findings.reason)
        and _same_names(escalation.possible, findings.possible)
        and _same_names(escalation.unknown, findings.unknown)
    )


def _same_names(said: Sequence[str], found: Sequence[str]) -> bool:
    return len(said) == len(found) and set(said) == set(found)


def _envelope(workflow: CompiledWorkflow, findings: Findings) -> tuple[Choice, ...]:
    """Return what may be answered: never more than the author's `may_decide`.

    Several possible verdicts bound it further. A single one that is not proven does not: it is a
    guess of the rules, and the author has said who may correct it.
    """
    allowed = set(workflow.llm.may_decide)
    if findings.verdict is None:
        allowed &= set(findings.possible)
    parts = workflow.parts.verdicts
    return tuple(
        Choice(verdict, parts[verdict].title or "", parts[verdict].severity)
        for verdict in sorted(allowed)
    )


def _explain_no_choice(workflow: CompiledWorkflow, findings: Findings) -> str:
    possible, allowed = ", ".join(findings.possible), ", ".join(workflow.llm.may_decide)
    return f"possible are {possible}, and an LLM may decide only {allowed}"
