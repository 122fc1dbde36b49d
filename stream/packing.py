"""Packing: outputs become whole batches to be produced, those of each topic in order."""

from collections.abc import Callable, Sequence
from typing import Any

from stream.batch import Output

Packed = list[tuple[str, Any]]
"""Topics, and aiokafka's closed batch builders."""


def pack(create_batch: Callable[[], Any], outputs: Sequence[Output]) -> Packed:
    """Return the batches that hold `outputs`; `create_batch` is that of a producer."""
    closed: Packed = []
    opened: dict[str, _OpenBatch] = {}
    headers: Sequence[Any] | None = None
    listed: list[Any] = []
    for output in outputs:
        topic, key, value, its_headers = output
        if its_headers is not headers:  # those of most outputs are one and the same object
            headers, listed = its_headers, list(its_headers)
        batch = opened.get(topic)
        if batch is None:
            batch = opened[topic] = _OpenBatch(create_batch())
        if batch.append(batch.count, None, key, value, listed) is None:
            closed.append((topic, batch.close()))
            batch = opened[topic] = _OpenBatch(create_batch())
            batch.append(0, None, key, value, listed)  # the first of a batch may be of any size
        batch.count += 1
    return [*closed, *((topic, batch.close()) for topic, batch in opened.items())]


class _OpenBatch:
    """One of aiokafka's builders; its own `append` would double the time that a record takes."""

    __slots__ = ("_builder", "append", "count")

    def __init__(self, builder: Any) -> None:
        self._builder = builder
        self.append = builder._builder.append  # noqa: SLF001 -- the compiled part of its `append`
        self.count = 0

    def close(self) -> Any:
        self._builder._relative_offset = self.count  # noqa: SLF001 -- counted by its `append`
        self._builder.close()
        return self._builder
