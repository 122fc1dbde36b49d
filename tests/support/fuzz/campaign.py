"""Asks all back-ends about many random events, and tells a difference so that it can be mended."""

import os
import pprint
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from rules.workflow.problems import WorkflowErrors
from tests.support.fuzz.back_ends import Answers, BackEnds
from tests.support.fuzz.documents import draw_document
from tests.support.fuzz.events import draw_event
from tests.support.fuzz.features import features_of
from tests.support.fuzz.shrinking import Case, shrink

EVENTS_PER_DOCUMENT = 80
"""Compiling a document costs as much as asking all back-ends about 40 events."""
BUGS = (
    ArithmeticError, AssertionError, AttributeError, LookupError, NameError, RuntimeError,
    TypeError, ValueError,
)  # fmt: skip
"""What a back-end that is wrong may raise; right ones raise nothing."""


class Difference(Exception):  # noqa: N818 -- it is what is searched for
    """The back-ends do not agree on this case, or one of them raises."""

    def __init__(self, case: Case) -> None:
        super().__init__("back-ends differ")
        self.case = case


def chosen_seed(default: int | None = None) -> int:
    """Return the seed of the environment, else `default`, else a fresh one."""
    named = os.environ.get("RULES_FUZZ_SEED")
    if named is not None:
        return int(named)
    return Random().randrange(2**32) if default is None else default


def chosen_cases(default: int) -> int:
    return int(os.environ.get("RULES_FUZZ_CASES", default))


@dataclass(slots=True)
class Campaign:
    """What was asked so far; a case is one event about which every back-end was asked."""

    cases: int = 0
    documents: int = 0
    beyond_limits: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    """Of cases, how often each kind of event and of findings came up."""
    outcomes: Counter[str] = field(default_factory=Counter)
    """Of rules that were walked."""
    features: Counter[str] = field(default_factory=Counter)
    """Of documents, in how many each part of the language stood."""

    def run(self, seed: int, cases: int) -> None:
        """Ask about `cases` events.

        Raises:
            Difference: At the first event on which the back-ends do not agree.
        """
        random = Random(seed)
        while self.cases < cases:
            document = draw_document(random)
            try:
                back_ends = BackEnds(document)
            except WorkflowErrors as error:
                self._excuse(error)
                continue
            self.documents += 1
            self.features.update(features_of(back_ends.program))
            for _ in range(EVENTS_PER_DOCUMENT):
                self._ask(back_ends, Case(document, draw_event(document, random)))

    def _ask(self, back_ends: BackEnds, case: Case) -> None:
        try:
            answers = back_ends.ask(case.event)
        except BUGS as error:
            raise Difference(case) from error
        if not answers.agree:
            raise Difference(case)
        self.cases += 1
        self.kinds.update(_kinds(answers))
        self.outcomes.update(rule.outcome for rule in answers.explanation.rules)

    def _excuse(self, error: WorkflowErrors) -> None:
        # Now and then one is drawn that is beyond a limit; every other refusal is a bug.
        if not any(word in str(error) for word in ("more than", "longer than", "deeper than")):
            raise error
        self.beyond_limits += 1

    def summary(self) -> str:
        """Return how often everything came up, in percent."""
        parts = [
            f"{self.cases:,} cases of {self.documents:,} documents",
            f"events: {_percent(self.kinds, self.cases)}",
            f"rules: {_percent(self.outcomes, self.outcomes.total())}",
            f"documents with: {_percent(self.features, self.documents)}",
        ]
        return "\n".join(parts)


def hunt(seed: int, cases: int) -> Campaign:
    """Return the campaign; fail at a difference, telling the smallest case that shows it."""
    campaign = Campaign()
    try:
        campaign.run(seed, cases)
    except Difference as found:
        smallest = shrink(found.case, is_failing)
        raise AssertionError(f"seed {seed}, case {campaign.cases}: {describe(smallest)}") from found
    return campaign


def is_failing(case: Case) -> bool:
    """Say whether the back-ends differ, or one of them raises; False for unsound documents."""
    try:
        back_ends = BackEnds(case.document)
    except WorkflowErrors:
        return False
    try:
        return not back_ends.ask(case.event).agree
    except BUGS:
        return True


def describe(case: Case) -> str:
    """Return the case as Python that can be pasted into a regression test, and the answers."""
    lines = [
        "back-ends differ; as a regression test:",
        "from math import inf, nan",
        f"document = {pprint.pformat(case.document, sort_dicts=False, width=96)}",
        f"event = {pprint.pformat(case.event, sort_dicts=False, width=96)}",
        "assert_agree(document, event)",
    ]
    try:
        lines += BackEnds(case.document).ask(case.event).lines()
    except BUGS as error:
        lines.append(f"raises {error!r}")
    return "\n".join(lines)


def _kinds(answers: Answers) -> Iterator[str]:
    findings = answers.generated
    yield "two-valued body" if answers.is_plain else "three-valued body"
    if findings.invalid is not None:
        yield "invalid"
    elif findings.verdict is None:
        yield "several verdicts"
    else:
        yield "decided by a rule" if findings.rule is not None else "decided by otherwise"
        if findings.unknown:
            yield "decided in spite of unknown fields"


def _percent(counts: Counter[str], total: int) -> str:
    return ", ".join(f"{name} {count / total:.1%}" for name, count in counts.most_common())
