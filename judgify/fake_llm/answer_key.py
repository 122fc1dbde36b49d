"""The right answers out of a file: what the stand-in knows and no prompt says."""

import csv
from collections.abc import Mapping
from typing import Final

from judgify.fake_llm.events import find_events, walk
from judgify.fake_llm.script import Answers
from schemas.errors import FatalError

ROWS_MAX: Final = 1_000_000


class AnswerKey:
    """Answers by the value that names the thing judged."""

    def __init__(self, field: str, answers: Mapping[str, str]) -> None:
        self._field = field
        self._answers = answers

    def find(self, user: str) -> str | None:
        """Return the answer for the event in a prompt; None when the file does not know it."""
        for event in find_events(user):
            for name, item in walk(event):
                if name == self._field and str(item) in self._answers:
                    return self._answers[str(item)]
        return None

    def __len__(self) -> int:
        return len(self._answers)


def load_answer_key(answers: Answers) -> AnswerKey:
    """Read the file of `answers`.

    Raises:
        FatalError: it cannot be read, or lacks a column.
    """
    try:
        with answers.file.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.DictReader(stream)
            missing = {answers.key, answers.value} - set(rows.fieldnames or ())
            if missing:
                has = ", ".join(rows.fieldnames or ())
                raise FatalError(
                    f"{answers.file}: no column {', '.join(sorted(missing))}; it has {has}"
                )
            known = {
                row[answers.key]: answers.map.get(row[answers.value], row[answers.value])
                for row, _ in zip(rows, range(ROWS_MAX), strict=False)
            }
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        what = getattr(error, "strerror", None) or error
        raise FatalError(f"{answers.file}: {what}: name a CSV file that can be read") from error
    return AnswerKey(answers.field or answers.key, known)
