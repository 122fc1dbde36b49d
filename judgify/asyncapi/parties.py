"""Which of the registry's parties exist: what is published claims nothing that nobody runs."""

from typing import Final, get_args

from judgify.cli.run import PROCESSES
from topics.registry import Outsider

EXISTING: Final[frozenset[str]] = frozenset(PROCESSES) | frozenset(get_args(Outsider))
"""The processes that can be started, and whoever stands outside."""
OURS: Final[frozenset[str]] = frozenset(PROCESSES) | {"CLI"}
"""Those of them whose program is Judgify's."""
