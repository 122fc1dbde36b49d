"""A workflow that can judge: the document, its version, and the function made of its rules."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rules.findings import Findings
from rules.language.codegen import generate
from rules.language.showing import ShownValue, show_values
from rules.language.trace import Explanation, explain
from rules.program import Program
from rules.workflow.canonical import DOCUMENT_FILE, bounded_version_of
from rules.workflow.document import Document
from rules.workflow.llm_policy import LlmPolicy, allowed_methods, llm_policy, own_method
from rules.workflow.meaning import check_meaning
from rules.workflow.problems import Fault, Problem, WorkflowErrors, spell_loc
from rules.workflow.structure import check_shape
from schemas.request import Method


@dataclass(frozen=True, slots=True, eq=False)
class CompiledWorkflow:
    """Immutable; `find` is the generated function, total and pure.

    Attributes:
        id: As requests name it.
        version: 64 hex digits.
        title: What people call it; the id when the author gave none.
        subject: The field that names the thing judged.
        verdicts: In declared order.
        severities: Of each verdict.
        method: The workflow's own.
        methods: What a request may ask for.
        min_confidence: A verdict less sure than this is not final.
        llm: What an LLM may do with what the rules cannot decide.
        document: As published.
        parts: The document with its defaults filled in.
        program: What `find` was generated from.
        find: From `input_data` to what the rules find in it.
    """

    id: str
    version: str
    title: str
    subject: str | None
    verdicts: tuple[str, ...]
    severities: Mapping[str, str]
    method: Method
    methods: tuple[Method, ...]
    min_confidence: float
    llm: LlmPolicy
    document: Mapping[str, Any]
    parts: Document
    program: Program
    find: Callable[[dict[str, Any]], Findings]

    def explain(self, input_data: Mapping[str, Any]) -> Explanation:
        """Return the findings with the trace that leads to them."""
        return explain(self.program, input_data)

    def show(self, input_data: Mapping[str, Any]) -> tuple[ShownValue, ...]:
        """Return what the workflow knows of an event: its fields, then its derived values."""
        return show_values(self.program, input_data)


def compile_workflow(document: Mapping[str, Any]) -> CompiledWorkflow:
    """Return the workflow that a JSON document describes. Its own tests are not run.

    Raises:
        WorkflowErrors: It is not a sound workflow; the problems name keys, since there is no text.
    """
    version = bounded_version_of(document)
    shape = check_shape(document)
    meaning = check_meaning(shape)
    faults = (*shape.faults, *meaning.faults)
    if shape.document is None or meaning.program is None:
        raise WorkflowErrors([_placeless(fault) for fault in faults])
    return assemble(document, version, shape.document, meaning.program)


def assemble(
    document: Mapping[str, Any], version: str, parts: Document, program: Program
) -> CompiledWorkflow:
    """Generate the code of a checked program and put the defaults in their places."""
    return CompiledWorkflow(
        id=parts.id,
        version=version,
        title=parts.title or parts.id,
        subject=parts.subject,
        verdicts=program.verdicts,
        severities={name: part.severity for name, part in parts.verdicts.items()},
        method=own_method(parts),
        methods=allowed_methods(parts),
        min_confidence=program.min_confidence,
        llm=llm_policy(parts),
        document=document,
        parts=parts,
        program=program,
        find=generate(program),
    )


def _placeless(fault: Fault) -> Problem:
    message = (
        fault.message if fault.span is None else f"{fault.message} (column {fault.span[0] + 1})"
    )
    return Problem(DOCUMENT_FILE, spell_loc(fault.loc), message, fault.hint)
