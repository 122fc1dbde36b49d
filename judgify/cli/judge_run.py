"""Judges rows by a workflow, and by another one to see which verdicts would flip."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from judgify.cli.inputs import Row
from rules.language.input_value import dig
from rules.ruling import Outcome, rule_outcome
from rules.workflow.cells import convert_row
from rules.workflow.compiled import CompiledWorkflow
from rules.workflow.declarations import OTHERWISE

FLIPS_SHOWN_MAX: Final = 10
"""Flips that are told one by one."""
EXPLAINED_MAX: Final = 3
"""Events that are explained."""


@dataclass(frozen=True, slots=True)
class Flip:
    """An event that the two workflows judge differently; `before` is the other one's result."""

    line: int
    subject: str | None
    before: str
    before_rule: str | None
    after: str
    after_rule: str | None


@dataclass(slots=True)
class Run:
    """What came of the rows so far."""

    workflow: CompiledWorkflow
    against: CompiledWorkflow | None = None
    requests: int = 0
    by_status: Counter[str] = field(default_factory=Counter)
    by_verdict: Counter[str] = field(default_factory=Counter)
    by_rule: Counter[str] = field(default_factory=Counter)
    flips_by: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How many of each kind, by what was judged before and after."""
    flips: list[Flip] = field(default_factory=list)
    """The first of them."""
    explained: list[tuple[int, list[str]]] = field(default_factory=list)
    """Line and explanation of the first events."""
    seconds: float = 0.0

    @property
    def flips_count(self) -> int:
        return self.flips_by.total()

    def judge(self, rows: Iterable[Row], *, explain: bool = False) -> Iterator[int]:
        """Judge the rows, yielding how many were judged after each."""
        for row in rows:
            outcome = rule_outcome(self.workflow.find(row.data), self.workflow.method)
            self._count(outcome)
            if self.against is not None:
                self._compare(row, outcome, self.against)
            if explain and len(self.explained) < EXPLAINED_MAX:
                self.explained.append((row.line, self.workflow.explain(row.data).lines()))
            yield self.requests

    def summary(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        return {
            "workflow": self.workflow.id,
            "version": self.workflow.version,
            "requests": self.requests,
            "by_status": dict(self.by_status.most_common()),
            "by_verdict": dict(self.by_verdict.most_common()),
            "by_rule": dict(self.by_rule.most_common()),
            "flips": self.flips_summary(),
            "explained": [{"line": line, "lines": lines} for line, lines in self.explained],
            "seconds": round(self.seconds, 3),
        }

    def flips_summary(self) -> dict[str, Any] | None:
        """Return what `--json` says of the flips; None when there is nothing to compare with."""
        if self.against is None:
            return None
        return {
            "against": self.against.version,
            "count": self.flips_count,
            "by": [
                {"before": before, "after": after, "count": count}
                for (before, after), count in self.flips_by.most_common()
            ],
            "first": [asdict(flip) for flip in self.flips],
        }

    def _count(self, outcome: Outcome) -> None:
        self.requests += 1
        self.by_status[outcome.status] += 1
        if outcome.verdict is not None:
            self.by_verdict[outcome.verdict] += 1
        # As replay counts: no verdict from no rule is in by_status alone.
        rule = outcome.rule or (OTHERWISE if outcome.status == "decided" else None)
        if rule is not None:
            self.by_rule[rule] += 1

    def _compare(self, row: Row, after: Outcome, against: CompiledWorkflow) -> None:
        # A cell is a number or a text by the types of whoever reads it.
        is_flat = row.cells is not row.data
        data = convert_row(against, row.cells) if is_flat else row.data
        before = rule_outcome(against.find(data), against.method)
        if _result(before) == _result(after):
            return
        self.flips_by[_result(before), _result(after)] += 1
        if len(self.flips) < FLIPS_SHOWN_MAX:
            subject = find_subject(self.workflow, row.data)
            self.flips.append(
                Flip(row.line, subject, _result(before), before.rule, _result(after), after.rule)
            )


def find_subject(workflow: CompiledWorkflow, data: dict[str, Any]) -> str | None:
    """Return what the event calls the thing judged; None where it does not."""
    spec = next((each for each in workflow.program.fields if each.name == workflow.subject), None)
    value = None if spec is None else dig(data, spec.path)
    return None if value is None else str(value)


def _result(outcome: Outcome) -> str:
    return outcome.verdict or outcome.status
