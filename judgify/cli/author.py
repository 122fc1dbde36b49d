"""Who gives an order, about what and why: the options of the commands that publish one."""

import getpass
import re
from collections.abc import Callable
from typing import Annotated, Final

import typer

AUTHOR_CHARACTERS_MAX: Final = 128
NOTE_CHARACTERS_MAX: Final = 1_024
UNKNOWN: Final = "unknown"

_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


def find_user() -> str:
    """Return the name of the operating system's user."""
    try:
        return getpass.getuser()[:AUTHOR_CHARACTERS_MAX]
    except (OSError, KeyError, ImportError):  # a container's uid may have no name
        return UNKNOWN


def _at_most(characters: int) -> Callable[[str], str]:
    def check(text: str) -> str:
        if len(text) > characters:
            raise typer.BadParameter(f"{len(text)} characters, at most {characters} are kept")
        return text

    return check


def _check_slug(text: str) -> str:
    if not _SLUG.fullmatch(text):
        raise typer.BadParameter("1 to 64 of a-z 0-9 _ . -, the first a letter or digit")
    return text


Author = Annotated[
    str,
    typer.Option(
        "--author",
        default_factory=find_user,
        callback=_at_most(AUTHOR_CHARACTERS_MAX),
        help="Who gives the order.",
        show_default="you",
    ),
]
Note = Annotated[
    str,
    typer.Option(
        "--note",
        callback=_at_most(NOTE_CHARACTERS_MAX),
        help="Why, for those who read it later.",
        show_default=False,
    ),
]
Tenant = Annotated[str, typer.Option("--tenant", callback=_check_slug, help="Whose workflow.")]
WorkflowId = Annotated[
    str, typer.Argument(metavar="ID", callback=_check_slug, help="The workflow, such as milling.")
]
