"""From the text of a workflow to a checked document, every problem with its place in the text."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from rules.program import Program
from rules.workflow.canonical import bounded_version_of
from rules.workflow.compiled import CompiledWorkflow, assemble
from rules.workflow.document import Document
from rules.workflow.meaning import check_meaning
from rules.workflow.problems import Fault, Loc, Problem, WorkflowErrors
from rules.workflow.source import Source, Tree
from rules.workflow.structure import check_shape
from rules.workflow.yaml_reader import read_tree

_CUT_HINT: Final = "YAML ends this value at ` #`: put the whole expression in quotes"


@dataclass(frozen=True, slots=True)
class WorkflowDocument:
    """A sound workflow and the text it came from.

    Attributes:
        data: As JSON; the order of keys is the author's.
        version: 64 hex digits.
        warnings: What is allowed and probably not meant.
    """

    data: dict[str, Any]
    version: str
    warnings: tuple[Problem, ...]
    source: Source
    parts: Document
    program: Program

    @property
    def id(self) -> str:
        return self.parts.id

    def compile(self) -> CompiledWorkflow:
        """Return the workflow, ready to judge."""
        return assemble(self.data, self.version, self.parts, self.program)

    def problem_at(self, loc: Loc, message: str, hint: str | None = None) -> Problem:
        """Return a problem with the value that stands at `loc`."""
        return self.source.place(Fault(loc, message, hint))


def read_workflow(text: str, file: str = "<text>") -> WorkflowDocument:
    """Return the workflow that a YAML or JSON text describes. Its own tests are not run.

    Raises:
        WorkflowErrors: It is not a sound workflow; all that is wrong with it, with its places.
    """
    tree = read_tree(text, file)
    shape = check_shape(tree.data)
    meaning = check_meaning(shape)
    placed = list(_placed(tree, (*shape.faults, *meaning.faults)))
    if tree.problems or placed or shape.document is None or meaning.program is None:
        raise WorkflowErrors([*tree.problems, *placed])
    return WorkflowDocument(
        data=tree.data,
        version=bounded_version_of(tree.data, file),
        warnings=tuple(_placed(tree, meaning.warnings)),
        source=tree.source,
        parts=shape.document,
        program=meaning.program,
    )


def _placed(tree: Tree, faults: Iterable[Fault]) -> Iterator[Problem]:
    """Yield the faults with their places, but for those that follow from what was refused."""
    for fault in faults:
        if any(fault.loc[:depth] in tree.refused for depth in range(1, len(fault.loc) + 1)):
            continue
        value: Any = tree.data
        for step in fault.loc if fault.span else ():
            value = value[step]
        commented = fault.span is not None and tree.source.is_commented(fault.loc)
        shown = replace(fault, hint=_CUT_HINT) if commented and _at_end(fault, value) else fault
        yield tree.source.place(shown, value)


def _at_end(fault: Fault, value: str) -> bool:
    """Say whether the expression is at fault where YAML may have cut it."""
    return fault.span is not None and fault.span[1] >= len(value)
