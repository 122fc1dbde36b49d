"""A table, for a terminal and for the page (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as text; the first column is left-aligned, all others are numbers."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()

    def as_text(self) -> str:
        """Return the table for a terminal."""
        lines = [self.headers, *self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.headers))]
        told = [
            "  ".join(
                cell.rjust(width) if column else cell.ljust(width)
                for column, (cell, width) in enumerate(zip(line, widths, strict=True))
            )
            for line in lines
        ]
        return "\n".join([*(line.rstrip() for line in told), *self.notes])

    def as_markdown(self) -> str:
        """Return the table for the page."""
        rule = ["---", *["--:"] * (len(self.headers) - 1)]
        lines = [f"| {' | '.join(line)} |" for line in (self.headers, *self.rows)]
        lines.insert(1, f"|{'|'.join(rule)}|")
        return "\n".join([*lines, *(f"\n{note}" for note in self.notes)])
