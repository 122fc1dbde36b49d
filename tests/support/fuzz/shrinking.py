"""Makes a failing pair of document and event smaller, as long as it still fails."""

import copy
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from rules.language.tree import Literal, Node, Reference, children
from rules.workflow.compiled import compile_workflow
from rules.workflow.problems import WorkflowErrors

ATTEMPTS_MAX = 4_000
"""Smaller pairs that are tried; a failure is found and told within seconds."""
_KEPT = frozenset({"judgify", "id", "verdicts", "type", "when", "verdict"})
"""Keys without which the document is none."""
_SIMPLE = {"number": "1", "string": "'a'", "boolean": "true"}


class Case(NamedTuple):
    """One document and one event."""

    document: dict[str, Any]
    event: dict[str, Any]


def shrink(case: Case, fails: Callable[[Case], bool]) -> Case:
    """Return a case that fails too and of which no single part can be left out.

    `fails` must answer False for documents that are not sound.
    """
    attempts = 0
    smaller: Case | None = case
    while smaller is not None:
        case, smaller = smaller, None
        for candidate in _candidates(case):
            attempts += 1
            if attempts > ATTEMPTS_MAX:
                return case
            if fails(candidate):
                smaller = candidate
                break
    return case


def _candidates(case: Case) -> Iterator[Case]:
    """Yield cases that are a little smaller; large steps come first."""
    for document in _without_a_part(case.document):
        yield case._replace(document=document)
    for event in _without_a_part(case.event):
        yield case._replace(event=event)
    for place, key in _expressions(case.document):
        for text in _shorter_texts(case.document, place, key):
            document = copy.deepcopy(case.document)
            _at(document, place)[key] = text
            yield case._replace(document=document)


def _without_a_part(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for place, key in list(_parts(value, ())):
        smaller = copy.deepcopy(value)
        del _at(smaller, place)[key]
        yield smaller


def _parts(value: Any, place: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield where each member and item stands, outermost first."""
    if not isinstance(value, (dict, list)) or len(value) > 100:
        return
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    yield from ((place, key) for key in keys if key not in _KEPT)
    for key in keys:
        yield from _parts(value[key], (*place, key))


def _at(value: Any, place: tuple[Any, ...]) -> Any:
    for key in place:
        value = value[key]
    return value


def _expressions(document: dict[str, Any]) -> list[tuple[tuple[Any, ...], str]]:
    rules: list[tuple[tuple[Any, ...], str]] = [
        (("rules", index), "when") for index in range(len(document["rules"]))
    ]
    return rules + [(("derive",), name) for name in document.get("derive", ())]


def _shorter_texts(document: dict[str, Any], place: tuple[Any, ...], key: str) -> Iterator[str]:
    """Yield the expression with one of its parts replaced by a part of that, or by a literal."""
    try:
        program = compile_workflow(document).program
    except WorkflowErrors:
        return
    in_rules = place[0] == "rules"
    expression = program.rules[place[1]].when if in_rules else dict(program.derive)[key]
    text = expression.text
    for node in _below(expression.root):
        for replacement in _replacements(node, text):
            shorter = f"{text[: node.start]}{replacement}{text[node.end :]}"
            # A literal is less than a name, even where it is longer: nothing replaces it.
            if len(shorter) < len(text) or isinstance(node, Reference):
                yield shorter


def _replacements(node: Node, text: str) -> Iterator[str]:
    if isinstance(node, Literal):
        return
    if node.type in _SIMPLE:
        yield _SIMPLE[node.type]
    for part in _below(node):
        if part is not node and part.type == node.type:
            yield text[part.start : part.end]
            yield f"({text[part.start : part.end]})"


def _below(node: Node) -> Iterator[Node]:
    yield node
    for part in children(node):
        yield from _below(part)
