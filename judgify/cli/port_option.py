"""`--port`: a number, or `auto` for any that is free."""

from judgify.cli.console import fail


def parse_port(text: str) -> int:
    """Return the port; 0 for `auto`. Anything else ends the command."""
    if text == "auto":
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 6 and int(text) < 65_536):
        fail(f"{text!r} is not a port", "a number below 65536, or `auto`", code=2)
    return int(text)
