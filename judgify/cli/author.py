"""Who gives an order and why: the options of every command that publishes one."""

import getpass
from typing import Annotated, Final

import typer

AUTHOR_CHARACTERS_MAX: Final = 128
UNKNOWN: Final = "unknown"


def find_user() -> str:
    """Return the name of the operating system's user."""
    try:
        return getpass.getuser()[:AUTHOR_CHARACTERS_MAX]
    except (OSError, KeyError, ImportError):  # a container's uid may have no name
        return UNKNOWN


Author = Annotated[
    str,
    typer.Option(
        "--author", default_factory=find_user, help="Who gives the order.", show_default="you"
    ),
]
Note = Annotated[str, typer.Option("--note", help="Why, for those who read it later.")]
