"""The rule that an agent's first line says which topics it reads and writes, as the registry does."""

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Final

from tests.support.tidy.source import Source
from topics.registry import EVERY_AGENT, EVERY_PROCESS, TOPICS, TopicSpec

ARROW: Final = "→"
_TOPIC = re.compile(r"[a-z][a-z-]*\.v\d+")


def check_agent_docstring(source: Source, topics: Sequence[TopicSpec] = TOPICS) -> Iterator[str]:
    """Yield how the first line of an agent differs from `topics`; other files claim no flow."""
    agent = _agent_of(source.path)
    if agent is None:
        return
    expected = _flow(agent, topics)
    first_line = (ast.get_docstring(source.tree) or "").split("\n")[0]
    left, _, right = first_line.partition(ARROW)
    stated = (frozenset(_TOPIC.findall(left)), frozenset(_TOPIC.findall(right)))
    if not any(expected):
        if any(stated):
            yield f"{source.path}: states a flow, and the registry knows no {agent}"
    elif stated != expected:
        reads, writes = (", ".join(sorted(names)) for names in expected)
        yield f"{source.path}: must begin `{reads} {ARROW} {writes}`, as the registry has it"


def _agent_of(path: str) -> str | None:
    """Return the process name of the agent that `path` is the front of: `agents/rule.py`."""
    match PurePosixPath(path).parts:
        case ("agents", file) if file != "__init__.py":
            return f"{PurePosixPath(file).stem.split('_')[0]}-agent"
        case ("agents", folder, "__init__.py"):
            return f"{folder}-agent"
        case _:
            return None


def _flow(agent: str, topics: Sequence[TopicSpec]) -> tuple[frozenset[str], frozenset[str]]:
    """Return what `agent` reads and writes; what every agent does alike goes without saying."""
    reads = frozenset(spec.name for spec in topics if agent in spec.readers)
    writes = frozenset(
        spec.name
        for spec in topics
        if agent in spec.writers and spec.writers not in (EVERY_AGENT, EVERY_PROCESS)
    )
    return reads, writes
