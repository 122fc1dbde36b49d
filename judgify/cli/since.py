"""`--since` and `--until`: an age like `10m`, or a time."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_is_age: Final = re.compile(r"([0-9]{1,6})([smhd])").fullmatch


def parse_since(text: str) -> datetime | timedelta:
    """Return an age (`90s`, `10m`, `2h`, `7d`) or a time (RFC 3339; UTC when it does not say).

    Raises:
        typer.BadParameter: it is neither.
    """
    age = _is_age(text)
    if age:
        return timedelta(**{_UNITS[age[2]]: int(age[1])})
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r}: write 90s, 10m, 2h, 7d or 2026-11-21T12:00") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)


SinceOption = Annotated[
    datetime | None,
    typer.Option("--since", parser=parse_since, metavar="AGE|TIME", help="10m, 2h, 7d, or a time."),
]

UntilOption = Annotated[
    datetime | None,
    typer.Option("--until", parser=parse_since, metavar="AGE|TIME", help="10m, 2h, 7d, or a time."),
]
