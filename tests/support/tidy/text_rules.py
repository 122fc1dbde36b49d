"""Rules about every text that is committed: it stands alone, on any machine, behind any index."""

import re
from collections.abc import Iterator
from typing import Final

_LEAVE_OUT: Final = ("LICENSE",)

# Each pattern is written so that it does not match itself.
_PATTERNS: Final = (
    (
        r"(?<![\w.])/(?:wor[k]|roo[t]|hom[e]/\w+|User[s]/\w+|tm[p]/(?:de[v]|h\d))(?:/|\b)",
        "a path of one machine; make it relative, or take it from a setting",
    ),
    (
        (
            r"pyp[i]\.org|pythonhosted\.or[g]|mave[n]\.(?:org|apache)|npm[j]s\.(?:org|com)"
            r"|registr[y]-1\.docker|prox[y]\.golang"
        ),
        "the address of a package registry; whoever installs chooses the index",
    ),
    (
        (
            r"\bdesig[n](?:\.md)? §|\bmode[l]s\.md|\bfaust-hazard[s]\.md|\brule-languag[e]\.md"
            r"|\bstyle-guid[e]\.md|\brequirement[s]\.md|\bshare[d]/(?:notes|reference|design)"
        ),
        "a document that is not in this repository; say what it says",
    ),
)


def check_stands_alone(path: str, text: str) -> Iterator[str]:
    """Yield each line of `text` that only makes sense where it was written."""
    if path.startswith(_LEAVE_OUT):
        return
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, why in _PATTERNS:
            found = re.search(pattern, line)
            if found:
                yield f"{path}:{number}: `{found[0]}` is {why}"


def check_ends_with_newline(path: str, text: str) -> Iterator[str]:
    if text and not text.endswith("\n"):
        yield f"{path}: the last line has no newline"


def check_no_merge_marks(path: str, text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(r"(<{7}|>{7}) ", line):
            yield f"{path}:{number}: a conflict was not resolved"


TEXT_RULES: Final = (check_stands_alone, check_ends_with_newline, check_no_merge_marks)
