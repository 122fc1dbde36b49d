"""What can become of a dead letter that is sent again: a pure function of the letter."""

from typing import Final, NamedTuple

from schemas.decode import parse_request
from schemas.errors import MessageError
from sinks.postgres.redrive_queries import TO_POSTGRES, Letter
from sinks.postgres.rows import parse_row
from topics.registry import REQUESTS, RESULTS, full_name

TO_REQUESTS: Final = "requests"


class Fate(NamedTuple):
    """Where a dead letter goes, or why it goes nowhere."""

    destination: str | None
    """`TO_REQUESTS`, `TO_POSTGRES`; None: it cannot be sent again."""
    obstacle: str = ""
    """Why not, in words that letters of one cause share."""


def find_fate(letter: Letter, prefix: str, *, again: bool, skipped: bool) -> Fate:
    """Return where `letter` goes. Of the letters of one record the newest alone goes anywhere.

    With `again`, it does not matter that it went there before. With `skipped`, what an operator
    skipped goes too: as a rule because it ended its process, and it would do so again.
    """
    obstacle = _find_loss(letter) or _find_objection(letter, again=again, skipped=skipped)
    if obstacle:
        return Fate(None, obstacle)
    if letter.id.topic == full_name(REQUESTS, prefix):
        return _fate_of_request(letter)
    if letter.id.topic == full_name(RESULTS, prefix):
        return _fate_of_result(letter)
    return Fate(None, f"{letter.id.topic} holds neither requests nor results")


def _find_loss(letter: Letter) -> str:
    """Return what is missing of the record; empty when it is whole."""
    if letter.kind == "lost":
        return "lost: retention took the record before anybody read it"
    if letter.value_length is not None:
        return "cut: only the beginning of its value was kept"
    if letter.headers is None:
        return "its headers could not be read, so they cannot be sent again"
    return ""


def _find_objection(letter: Letter, *, again: bool, skipped: bool) -> str:
    """Return why a whole record is not to be sent as this letter; empty when it may be."""
    if letter.newest_agent != letter.id.agent:
        return f"{letter.newest_agent} buried the same record later: that letter counts"
    if letter.redriven_at is not None and not again:
        return "sent again before: add --again to send it once more"
    if letter.kind == "skip" and not skipped:
        return "skipped on purpose: name its place, or add --kind skip"
    return ""


def _fate_of_request(letter: Letter) -> Fate:
    """What this release still cannot read would only be buried again, under a new offset."""
    try:
        parse_request(letter.value)
    except MessageError as error:
        return Fate(None, f"no request, still ({error.code}): it would be buried again")
    return Fate(TO_REQUESTS)


def _fate_of_result(letter: Letter) -> Fate:
    try:
        parse_row(letter.value)
    except MessageError as error:
        return Fate(None, f"no judgment, still ({error.code}): it cannot be stored")
    return Fate(TO_POSTGRES)
