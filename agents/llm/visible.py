"""Which characters people can see: the others carry instructions that only a model reads."""

import re
from typing import Final

_INVISIBLE: Final = re.compile(
    "["
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # controls, but for tab, newline and return
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # soft hyphen, joiners, fillers
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f"  # zero width, line ends, directions
    "\u2800\u3164\ufeff\uffa0\ufff0-\ufffb"  # blanks that are letters, byte order, annotations
    "\ufe00-\ufe0e"  # variation selectors can spell bytes; the 16th makes an emoji of a sign
    "\ud800-\udfff\ue000-\uf8ff"  # halves of letters, private letters
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"  # controls of shorthand and music
    "\U000e0000-\U000e0fff"  # tags, and selectors without end
    "\U000f0000-\U0010ffff"  # private planes
    "]+"
)
"""Unicode's default-ignorable code points and others without a shape. Source: Unicode 16,
DerivedCoreProperties.txt; the planes beyond are ours to refuse, nobody writes in them."""


def has_invisible(text: str) -> bool:
    return _INVISIBLE.search(text) is not None


def keep_visible(text: str) -> str:
    """Return the text without what nobody can see; linear, and doing it twice changes nothing."""
    return text if text.isascii() and text.isprintable() else _INVISIBLE.sub("", text)
