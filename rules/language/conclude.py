"""From the walk down the rules to the findings."""

from collections.abc import Sequence

from rules.findings import Findings
from rules.program import UNDETERMINED, Otherwise, Program, RuleSpec

_NOTHING_DECLARED = Otherwise(UNDETERMINED)


def conclude(
    program: Program, decider: int | None, unknown_rules: Sequence[int], unknown: tuple[str, ...]
) -> Findings:
    """Return what is left when `decider` was the first TRUE rule (None: none was).

    `unknown_rules` are the indices of the UNKNOWN rules above it.
    """
    last: RuleSpec | Otherwise = program.otherwise or _NOTHING_DECLARED
    if decider is not None:
        last = program.rules[decider]
    contributors = [*(program.rules[index] for index in unknown_rules), last]
    named = {contributor.verdict for contributor in contributors}
    possible = tuple(
        verdict for verdict in program.verdicts if verdict in named or UNDETERMINED in named
    )
    confidence = min(contributor.confidence for contributor in contributors)
    single = len(possible) == 1
    conclusive = single and confidence >= program.min_confidence
    return Findings(
        possible=possible,
        verdict=possible[0] if single else None,
        confidence=confidence if single else None,
        rule=last.id if isinstance(last, RuleSpec) else None,
        reason=last.reason,
        unknown=unknown,
        proven=conclusive and decider is not None and last.verdict != UNDETERMINED,
        conclusive=conclusive,
    )


def refuse(message: str) -> Findings:
    """Return the findings for input whose `required` fields cannot be used."""
    return Findings(
        possible=(),
        verdict=None,
        confidence=None,
        rule=None,
        reason="",
        unknown=(),
        proven=False,
        conclusive=False,
        invalid=message,
    )
