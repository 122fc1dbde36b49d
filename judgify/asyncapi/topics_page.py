"""`docs/topics.md`: the topics as a picture and a table, from the same sources as AsyncAPI."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from judgify.asyncapi.channels import PREFIX
from judgify.asyncapi.messages import CARRIED
from judgify.asyncapi.parties import EXISTING
from judgify.schema_files import MESSAGES
from topics.provisioning import REPLICAS
from topics.registry import DAY_MS, TOPICS, Party, TopicSpec

PAGE: Final = Path("docs", "topics.md")
"""In a checkout."""
MIB: Final = 1_048_576

_HEAD: Final = f"""\
# Topics

Made from `topics/registry.py` and `schemas/` by `make schemas`; do not edit. For programs, the same
is in [`schemas/asyncapi.json`](../schemas/asyncapi.json) (AsyncAPI 3), with every message, header
and setting. Names begin with a prefix, `{PREFIX}` unless `JUDGIFY_TOPIC_PREFIX` says otherwise.

```mermaid
flowchart LR
"""
_COLUMNS: Final = (
    "topic", "carries", "record key", "partitions local / production", "kept", "largest record",
    "written by", "read by",
)  # fmt: skip
_BELOW_PICTURE: Final = """\
```

Solid: read as a group, whose copies share the partitions. Dotted: read from the start by every
copy, without a group. What is in *italics* does not exist yet; its topics do, so that nothing has
to be created on the day it comes.

"""
_TAIL: Final = f"""
Locally a record has {REPLICAS["local"]} copy, in production {REPLICAS["production"]}. Nothing but
`judgify topics create` creates a topic; it refuses when one exists with other settings, and
`judgify topics check` says where they differ. Timestamps are the broker's. Requests, escalations
and results have equally many partitions: an outcome has the key and the partition number of its
request.
"""


def render_page() -> str:
    """Return the text of `docs/topics.md`."""
    picture = "".join(f"    {edge}\n" for edge in _edges())
    table = [_COLUMNS, ("---",) * len(_COLUMNS), *(_cells(spec) for spec in TOPICS)]
    rows = "".join(f"| {' | '.join(cells)} |\n" for cells in table)
    return _HEAD + picture + _BELOW_PICTURE + rows + _TAIL


def _edges() -> Iterator[str]:
    """Yield the edges between the parties that exist and the topics that carry something."""
    for spec in TOPICS:
        if spec.name in CARRIED:
            topic = f"{_node(spec.name)}([{spec.name}])"
            yield from (f"{_node(party)}[{party}] --> {topic}" for party in _existing(spec.writers))
            yield from (f"{topic} --> {_node(party)}[{party}]" for party in _existing(spec.readers))
            yield from (
                f"{topic} -.-> {_node(party)}[{party}]" for party in _existing(spec.followers)
            )


def _existing(parties: Iterable[Party]) -> list[Party]:
    return [party for party in parties if party in EXISTING]


def _node(name: str) -> str:
    """Return `name` as Mermaid takes it for an id."""
    return name.replace("-", "_").replace(".", "_")


def _cells(spec: TopicSpec) -> tuple[str, ...]:
    local, production = spec.partitions("local"), spec.partitions("production")
    return (
        f"`{spec.name}`",
        ", ".join(_link(name) for name in CARRIED.get(spec.name, ())) or "*nothing yet*",
        spec.record_key,
        f"{local} / {production}",
        "compacted" if spec.retention_ms is None else f"{spec.retention_ms // DAY_MS} d",
        f"{spec.record_bytes_max // MIB} MiB",
        _list(spec, spec.writers),
        _list(spec, (*spec.readers, *spec.followers)),
    )


def _link(name: str) -> str:
    return f"[{name}](../schemas/json/{name}.json)" if name in MESSAGES else name


def _list(spec: TopicSpec, parties: Iterable[Party]) -> str:
    """Return the parties of a topic; on one that carries nothing nobody is there yet."""
    here = EXISTING if spec.name in CARRIED else frozenset()
    return ", ".join(party if party in here else f"*{party}*" for party in parties)
