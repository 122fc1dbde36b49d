"""Which names can be used in expressions."""

import unicodedata

from rules.language.limits import NAME_CHARS_MAX

KEYWORDS = frozenset({"and", "or", "not", "in", "between", "is", "null", "true", "false"})
RESERVED = KEYWORDS | {"pi"}


def name_problem(name: str) -> str | None:
    """Say why fields, constants and derived values cannot be called `name`; None when they can.

    The sentence completes "`name` …".
    """
    if len(name) > NAME_CHARS_MAX:
        return f"is longer than {NAME_CHARS_MAX} characters"
    if not name.isidentifier():
        return "must consist of letters, digits and _, and not begin with a digit"
    if unicodedata.normalize("NFC", name) != name:
        return "must be written in composed letters (Unicode NFC)"
    if name.lower() in RESERVED:
        return "is a word of the rule language"
    return None
