"""Whether and where we may begin: topics that fit, the committed offset if the log still has it.

Pure. Records that retention took before we read them are lost, and said to be.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from runtime.clock import format_ms
from schemas.dead_letter import DeadLetter
from schemas.errors import FatalError
from stream.batch import Output
from stream.ledger import TopicPartition
from stream.seam import Seam
from topics.headers import build_dead_letter_headers


class Lost(NamedTuple):
    """Offsets from `first` up to, not including, `end` that nobody will ever judge."""

    topic: str
    partition: int
    first: int
    end: int

    def make_letter(self, seam: Seam) -> Output:
        """Return the one dead letter that stands for the whole range."""
        letter = DeadLetter(
            key=None,
            value=None,
            headers=(),
            topic=self.topic,
            partition=self.partition,
            offset=self.first,
            timestamp=-1,
            agent=seam.agent,
            version=seam.engine,
            kind="lost",
            code="lost",
            reason=f"retention removed offsets {self.first} to {self.end - 1} before we read them",
            at=format_ms(seam.clock.now_ms()),
        )
        return Output(seam.dead_letters, None, None, build_dead_letter_headers(letter))


class Start(NamedTuple):
    """Where to begin, and what is lost."""

    offset: int
    lost: Lost | None
    log_end: int


def find_start(tp: TopicPartition, committed: int | None, log_start: int, log_end: int) -> Start:
    """Return where to begin reading `tp`.

    Never committed: at the log's start. Committed beyond the log's end: the topic was deleted and
    created again, its offsets mean other records now, so also at the log's start.
    """
    if committed is None or committed > log_end:
        return Start(log_start, None, log_end)
    if committed < log_start:
        return Start(log_start, Lost(*tp, committed, log_start), log_end)
    return Start(committed, None, log_end)


def check_topics(counts: Mapping[str, int | None], equal: Collection[str]) -> None:
    """Refuse topics that are missing, or differ in partitions where they must not.

    Raises:
        FatalError: which, and what to do.
    """
    missing = sorted(topic for topic, count in counts.items() if count is None)
    if missing:
        raise FatalError(f"missing topics: {', '.join(missing)}. Do: judgify topics create")
    if len({counts[topic] for topic in equal}) > 1:
        told = ", ".join(f"{topic} has {counts[topic]}" for topic in sorted(equal))
        raise FatalError(f"partition counts must be equal: {told}. Do: judgify topics check")
