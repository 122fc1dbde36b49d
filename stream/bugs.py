"""The stop rule for our own bugs: a broken deploy must not bury a whole topic."""

from dataclasses import dataclass, field
from typing import Final

from schemas.errors import FatalError

BUGS_IN_A_ROW_MAX: Final = 50
KEYS_MIN: Final = 2
"""Of one key alone it may be that key's data; of several it is our code."""


@dataclass(slots=True)
class BugStreak:
    """Bugs on consecutive records of one partition; any record that works in between ends it."""

    next_offset: int = -1
    count: int = 0
    keys: set[bytes | None] = field(default_factory=set)

    def note(self, offset: int, key: bytes | None) -> None:
        """Note that our code failed on the record at `offset`.

        Raises:
            FatalError: too many in a row; what is left of the topic is not buried.
        """
        if offset != self.next_offset:
            self.end()
        self.count_one(offset, key)

    def end(self) -> None:
        """Note that a record worked."""
        self.count = 0
        self.keys.clear()

    def count_one(self, offset: int, key: bytes | None) -> None:
        """Note a bug where records end in any order; `end` tells of those that worked.

        Raises:
            FatalError: too many in a row.
        """
        self.next_offset = offset + 1
        self.count += 1
        if len(self.keys) < KEYS_MIN:
            self.keys.add(key)
        if self.count >= BUGS_IN_A_ROW_MAX and len(self.keys) >= KEYS_MIN:
            raise FatalError(
                f"our code failed on {self.count} records in a row, of several keys, the last at "
                f"offset {offset}; they are not acknowledged. Do: go back to the release before"
            )
