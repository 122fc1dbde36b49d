"""Reads the text of a workflow strictly: YAML 1.2 core schema, or JSON, nothing surprising.

Refused, each with its place: duplicate keys, anchors, aliases, tags, merge keys, directives, a
second document, keys that are not text, and values that YAML cut where the author did not mean it.
Works on parser events, never on YAML's own objects: depth and size are bounded while reading.
"""

from collections.abc import Iterator
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from rules.workflow.builder import Builder, BuildError, Piece
from rules.workflow.problems import Fault, WorkflowErrors
from rules.workflow.source import Source, Style, Tree
from rules.workflow.yaml_words import explain_syntax_error

TEXT_BYTES_MAX: Final = 262_144
"""Size of a workflow, bytes of UTF-8."""

_STYLES: Final[dict[str | None, Style]] = {
    None: "plain",
    "'": "single",
    '"': "double",
    "|": "block",
    ">": "block",
}


def read_tree(text: str, file: str) -> Tree:
    """Return the data that the text spells, with the place of each value.

    Raises:
        WorkflowErrors: nothing more can be said before this is put right; otherwise the tree
            carries what was found.
    """
    text = text.removeprefix("\ufeff")
    if len(text.encode("utf-8", "surrogatepass")) > TEXT_BYTES_MAX:
        fault = Fault((), f"larger than {TEXT_BYTES_MAX:,} bytes", "split it into workflows")
        raise WorkflowErrors([Source(file, "").place(fault)])
    reading = _Reading(Source(file, text))
    reading.run()
    return reading.finish()


class _Stop(Exception):  # noqa: N818 -- ends the reading, never leaves this module
    def __init__(self, start: int, fault: Fault) -> None:
        super().__init__(fault.message)
        self.start = start
        self.fault = fault


class _Reading:
    """One pass over the events of one text."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.builder = Builder(source.text)
        self.stopped: _Stop | None = None
        self.documents = 0
        self.last_scalar: Piece | None = None

    def run(self) -> None:
        try:
            for event in self._events():
                self._take(event)
        except _Stop as stop:
            self.stopped = stop

    def finish(self) -> Tree:
        """Return the tree; raise what makes it useless."""
        builder = self.builder
        places = [self.source.problem_at(start, end, fault) for start, end, fault in builder.faults]
        if self.stopped:
            stop = self.stopped
            places.append(self.source.problem_at(stop.start, stop.start + 1, stop.fault))
        elif not isinstance(builder.root, dict):
            fault = Fault((), "this is no workflow", "begin with the line `judgify: 1`")
            places.append(self.source.problem_at(0, 1, fault))
        elif not builder.has_alias:
            source = Source(self.source.file, self.source.text, builder.marks)
            return Tree(builder.root, source, tuple(places), frozenset(builder.refused - {()}))
        raise WorkflowErrors(places)

    def _events(self) -> Iterator[Any]:
        text = self.source.text
        if text.lstrip().startswith("{"):
            # JSON: a raw tab can only be white space, where YAML might see indentation.
            text = text.replace("\t", " ")
        try:
            yield from YAML(typ="safe", pure=True).parse(text)
        except ReaderError as error:
            message = f"the character U+{error.character:04X} cannot stand in a workflow"
            raise _Stop(error.position, Fault((), message, "remove it")) from error
        except MarkedYAMLError as error:
            start, message, hint = self._explain(error, text)
            raise _Stop(start, Fault((), message, hint)) from error

    def _explain(self, error: MarkedYAMLError, text: str) -> tuple[int, str, str | None]:
        start, message, hint = explain_syntax_error(error, text)
        last = self.last_scalar
        if last is None or last.style not in ("single", "double"):
            return start, message, hint
        between = text[last.end : start]
        if "\n" in text[last.start : last.end] and "\n" not in between:
            # Where reading fails is where the next quote closed what was never meant to go on.
            line = text.count("\n", 0, last.end) + 1
            return (
                last.start,
                f"this quote is closed in line {line} only",
                "close it in its own line",
            )
        return start, message, hint

    def _take(self, event: Any) -> None:
        try:
            self._build(event)
        except BuildError as error:
            raise _Stop(event.start_mark.index, Fault((), str(error), error.hint)) from error

    def _build(self, event: Any) -> None:
        start, end = event.start_mark.index, event.end_mark.index
        match event:
            case ScalarEvent():
                self._note_decorations(event, start)
                piece = Piece(event.value, start, end, _STYLES[event.style])
                self.last_scalar = piece
                self.builder.add_scalar(piece)
            case MappingStartEvent() | SequenceStartEvent():
                self._note_decorations(event, start)
                container: dict[str, Any] | list[Any] = (
                    {} if isinstance(event, MappingStartEvent) else []
                )
                self.builder.open(container, start, in_flow=bool(event.flow_style))
            case MappingEndEvent() | SequenceEndEvent():
                self.builder.close(end)
            case AliasEvent():
                self.builder.add_alias(start, end)
            case DocumentStartEvent():
                self._begin_document(event, start)
            case _:
                pass

    def _begin_document(self, event: DocumentStartEvent, start: int) -> None:
        self.documents += 1
        if self.documents > 1:
            raise _Stop(start, Fault((), "a second document", "one file holds one workflow"))
        if event.version or event.tags:
            raise _Stop(0, Fault((), "a YAML directive", "remove the lines that begin with %"))

    def _note_decorations(self, event: Any, start: int) -> None:
        if event.anchor is not None:
            hint = "remove it, and write the value out wherever it is meant"
            self.builder.refuse(
                start, start + 1 + len(event.anchor), f"an anchor, &{event.anchor}", hint
            )
        if event.tag is not None:
            hint = "remove it; put text that begins with ! in quotes"
            self.builder.refuse(start, start + 1, "a tag", hint)
