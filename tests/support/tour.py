"""The tour as a script: its blocks of shell, and what each must print."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_FENCE = re.compile(r"^```(bash|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = "----- block"


class Block(NamedTuple):
    """A block of shell, and the lines that its output must contain, in any order."""

    script: str
    expected: tuple[str, ...]


def read_blocks(text: str) -> list[Block]:
    """Return the shell blocks of a page; a `text` block belongs to the shell block before it."""
    blocks: list[Block] = []
    for kind, content in _FENCE.findall(text):
        if kind == "bash":
            blocks.append(Block(content, ()))
        else:
            blocks[-1] = blocks[-1]._replace(expected=tuple(content.splitlines()))
    return blocks


def write_script(blocks: list[Block]) -> str:
    """Return one script of all blocks: the first command that fails ends it."""
    parts = (f"echo '{_MARK} {number}'\n{block.script}" for number, block in enumerate(blocks))
    return "set -eu\n" + "\n".join(parts)


def split_output(output: str) -> list[str]:
    """Return what each block printed, as far as it came."""
    return re.split(rf"^{_MARK} \d+$", output, flags=re.MULTILINE)[1:]


def find_missing(block: Block, printed: str) -> Iterator[str]:
    """Yield the expected lines that `printed` does not contain; `…` stands for anything."""
    lines = printed.splitlines()
    for expected in block.expected:
        pattern = r".*".join(
            r"\s+".join(map(re.escape, part.split())) for part in expected.split("…")
        )
        if not any(re.search(pattern, line) for line in lines):
            yield expected
