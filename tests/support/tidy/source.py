"""A source file as the tidy rules see it, and the files of the checkout that they look at."""

import ast
import io
import subprocess
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[3]
TEXT_SUFFIXES: Final = frozenset(
    {"", ".cfg", ".css", ".csv", ".html", ".ini", ".js", ".json", ".lock", ".md", ".ndjson"}
    | {".properties", ".py", ".sh", ".sql", ".toml", ".ts", ".tsx", ".txt", ".yaml", ".yml"}
)

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One Python file; `path` is relative to the checkout, with `/`."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node of the tree; walked once, read by every rule."""
        return list(ast.walk(self.tree))

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @cached_property
    def comments(self) -> list[tuple[int, str]]:
        """Line number and text of every comment."""
        tokens = tokenize.generate_tokens(io.StringIO(self.text).readline)
        return [
            (token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT
        ]

    @property
    def is_test(self) -> bool:
        return self.path.startswith("tests/")

    def functions(self) -> Iterator[FunctionNode]:
        yield from (node for node in self.nodes if isinstance(node, FunctionNode))


def list_files() -> list[str]:
    """Return the paths of the checkout that are, or could be, committed."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return sorted(path for path in listed.split("\0") if path and (ROOT / path).is_file())


def load_sources() -> list[Source]:
    """Return every Python file of the checkout."""
    return [
        Source(path, (ROOT / path).read_text()) for path in list_files() if path.endswith(".py")
    ]


def load_texts() -> list[tuple[str, str]]:
    """Return path and text of every file that people read."""
    return [
        (path, (ROOT / path).read_text(errors="replace"))
        for path in list_files()
        if Path(path).suffix in TEXT_SUFFIXES
    ]
