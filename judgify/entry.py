"""The first of our code that runs: obeys SIGTERM while everything else is still being imported."""

import os
import signal
import sys


def main() -> None:
    """Run the command line.

    `judgify run` has promised nothing yet while it imports, so that SIGTERM is a good end of it.
    Only Python's own start comes before this, and ends by the signal.
    """
    if sys.argv[1:2] == ["run"]:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    from judgify.cli.main import main as run_command  # noqa: PLC0415 -- half a second of imports

    run_command()
