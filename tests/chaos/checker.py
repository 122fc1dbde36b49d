"""The checker: asks the evidence every invariant, and says what breaks which."""

from dataclasses import dataclass
from typing import Final

from tests.chaos.evidence import Evidence
from tests.chaos.invariants import INVARIANTS, Invariant

NAMED_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one invariant found."""

    invariant: Invariant
    broken: int
    """How many offenders."""
    named: tuple[str, ...]
    """The first of them."""

    @property
    def holds(self) -> bool:
        return not self.broken


def check(evidence: Evidence) -> list[Verdict]:
    """Return a verdict for every invariant."""
    return [_check_one(evidence, invariant) for invariant in INVARIANTS]


def _check_one(evidence: Evidence, invariant: Invariant) -> Verdict:
    offenders = [str(row[0]) for row in evidence.ask(invariant.query)]
    return Verdict(invariant, len(offenders), tuple(offenders[:NAMED_MAX]))
