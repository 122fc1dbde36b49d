"""Checks that every name that a document mentions is declared in it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, Literal

from rules.language.resolve import did_you_mean
from rules.program import UNDETERMINED
from rules.workflow.document import Document, ExpectPart
from rules.workflow.problems import Fault, Loc

_Section = Literal["verdicts", "input", "rules"]
_WORDS: Final = {"verdicts": "verdict", "input": "field", "rules": "rule"}
_SHOWN_MAX: Final = 20
STRANGERS_MAX: Final = 200
"""Members of test events that are looked at for a slip: comparing names takes its time."""


@dataclass(frozen=True, slots=True)
class MentionCheck:
    """Looks names up in the document; one in a section of `hidden` may be declared for all we know.

    `hidden` are sections of which a part was left out, since it is at fault itself.
    """

    document: Document
    hidden: frozenset[str]

    def faults(self) -> Iterator[Fault]:
        """Yield verdicts, rules, fields and methods that are mentioned and not declared."""
        document = self.document
        for index, rule in enumerate(document.rules):
            yield from self._verdict(("rules", index, "verdict"), rule.verdict)
        if document.otherwise:
            yield from self._verdict(("otherwise", "verdict"), document.otherwise.verdict)
        may_decide = (document.llm.may_decide if document.llm else None) or ()
        for index, verdict in enumerate(may_decide):
            yield from self._name(("llm", "may_decide", index), "verdicts", verdict)
        if document.subject is not None:
            yield from self._name(("subject",), "input", document.subject)
        if document.methods and document.method and document.method not in document.methods:
            hint = f"add {document.method}, or choose another method"
            yield Fault(("methods",), "the workflow's own method is missing", hint)
        for index, test in enumerate(document.tests):
            yield from self._expectation(("tests", index, "expect"), test.expect)

    def _verdict(self, loc: Loc, verdict: str) -> Iterator[Fault]:
        if verdict != UNDETERMINED:
            yield from self._name(loc, "verdicts", verdict)

    def _expectation(self, loc: Loc, expect: ExpectPart) -> Iterator[Fault]:
        if expect.verdict == UNDETERMINED:
            hint = "write `status: undetermined`"
            yield Fault((*loc, "verdict"), "an undetermined judgment has no verdict", hint)
        elif expect.verdict is not None:
            yield from self._name((*loc, "verdict"), "verdicts", expect.verdict)
        if expect.rule is not None:
            yield from self._name((*loc, "rule"), "rules", expect.rule)
        for index, name in enumerate(expect.unknown or ()):
            yield from self._name((*loc, "unknown", index), "input", name)
        for index, name in enumerate(expect.possible or ()):
            yield from self._name((*loc, "possible", index), "verdicts", name)

    def _name(self, loc: Loc, section: _Section, name: str) -> Iterator[Fault]:
        known = list(self._declared(section))
        if name in known or section in self.hidden:
            return
        shown = ", ".join(known[:_SHOWN_MAX]) or "none"
        hint = did_you_mean(name, known) or f"declared: {shown}"
        yield Fault(loc, f"unknown {_WORDS[section]} '{name}'", hint)

    def _declared(self, section: _Section) -> Iterable[str]:
        if section == "rules":
            return (rule.id for rule in self.document.rules)
        return self.document.verdicts if section == "verdicts" else self.document.input


def misspelt_members(document: Document) -> Iterator[Fault]:
    """Yield the members of test events that no field reads, where a field lacks one of like name.

    Other members that no field reads are nothing special: tests send what producers send.
    """
    read = {(part.path or [part.source or name])[0] for name, part in document.input.items()}
    strangers = (
        (index, member, read.difference(test.input))
        for index, test in enumerate(document.tests)
        for member in test.input
        if member not in read
    )
    for index, member, lacking in islice(strangers, STRANGERS_MAX):
        hint = did_you_mean(member, lacking)
        if hint:
            loc = ("tests", index, "input", member)
            yield Fault(loc, f"no field reads `{member}`", hint, at_key=True)
