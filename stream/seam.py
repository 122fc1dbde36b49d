"""What every lane of a process works with: the ledger, the publisher, the way to bury."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from runtime.clock import BrokerClock
from stream.hold import Progress
from stream.ledger import Ledger
from stream.publisher import Publisher


class Skips(Protocol):
    """The records that an operator told us to bury unseen, with the reason."""

    def __call__(self) -> Mapping[tuple[str, int, int], str]: ...


@dataclass(frozen=True, slots=True)
class Seam:
    """What every lane works with."""

    agent: str
    """Name of the process, as in metrics and dead letters."""
    ledger: Ledger
    publisher: Publisher
    progress: Progress
    dead_letters: str
    """Full name of the topic of dead letters."""
    skips: Skips
    engine: str
    """Our version."""
    clock: BrokerClock
