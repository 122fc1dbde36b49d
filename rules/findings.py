"""What the rules found about one input: the verdicts that are left, and how sure that is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Findings:
    """What is left after the walk down the rules.

    The walk goes in declared order. A rule that is UNKNOWN adds its verdict and the walk goes on;
    the first TRUE rule adds its own and ends it; if none is true, `otherwise` is added. A rule for
    `undetermined`, or a missing `otherwise`, adds every declared verdict.

    Attributes:
        possible: The verdicts that are left, in declared order; at least one unless `invalid`.
        verdict: The only possible verdict; None when several are left.
        confidence: The lowest that contributed to `verdict`; None when several are left.
        rule: Id of the TRUE rule; None when none was (`otherwise`).
        reason: The reason of that rule or of `otherwise`, as its author wrote it; may be empty.
        unknown: The fields, in declared order, that cannot be used and that are read by the rules
            down to and including the TRUE one, by all of them when none is TRUE. A rule reads
            every field that its text names, directly or through `derive`, whether or not a
            short-cut of `and` and `or` would have come to it.
        proven: One verdict is possible, a TRUE rule named it, and its confidence is sufficient.
        conclusive: One verdict is possible and its confidence is sufficient.
        invalid: What is wrong with the `required` fields; then no rule was walked and all else
            is empty. None for input that can be judged.
    """

    possible: tuple[str, ...]
    verdict: str | None
    confidence: float | None
    rule: str | None
    reason: str
    unknown: tuple[str, ...]
    proven: bool
    conclusive: bool
    invalid: str | None = None
