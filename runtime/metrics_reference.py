"""The metrics reference: made from the list of metrics and never by hand.

`python -m runtime.metrics_reference` writes it anew; a test fails on any drift.
"""

from pathlib import Path
from typing import Final, NamedTuple

from prometheus_client.metrics import MetricWrapperBase

import runtime
from runtime import metrics

REPOSITORY: Final = Path(runtime.__path__[0]).parent
REFERENCE: Final = Path("docs", "metrics.md")

LABELS: Final = {
    "agent": "our processes",
    "direction": "`in`, `out`",
    "group": "our consumer groups",
    "kind": "our kinds of security event",
    "method": "`rule`, `llm`, `hybrid`",
    "name": "our dependencies, or our switches",
    "process": "our processes",
    "reason": "our codes, never a text",
    "result": "verdicts of known workflows; `undetermined`, `expired`, `error`; else `other`; "
    "of the cache: `hit`, `miss`",
    "stage": "our stages",
    "status": "our words for how a question ended",
    "tenant": "tenants with a workflow in force",
    "topic": "our topics",
    "version": "versions in force, or ours",
    "workflow_id": "known workflows; else `other`",
}
"""Every label, and what bounds its values: outsiders must not be able to add time series."""

_HEAD: Final = """\
# Metrics

Made from `runtime/metrics.py` by `python -m runtime.metrics_reference`; do not edit.

Every process serves these on `/metrics` of its port, and nothing else besides `process_*` (CPU,
memory, open files; Linux). A counter counts since the start of its process.
"""


class MetricRow(NamedTuple):
    """What the reference says about one metric."""

    name: str
    """As exported: a counter ends in `_total`."""
    kind: str
    labels: tuple[str, ...]
    meaning: str


def list_metrics() -> list[MetricRow]:
    """Return every metric of the list, in its order."""
    return [
        _describe(metric)
        for metric in vars(metrics).values()
        if isinstance(metric, MetricWrapperBase)
    ]


def render_reference() -> str:
    """Return the text of `docs/metrics.md`."""
    rows = list_metrics()
    lines = [
        f"| `{row.name}` | {row.kind} | {_code(row.labels) or '-'} | {row.meaning} |"
        for row in rows
    ]
    used = sorted({label for row in rows for label in row.labels})
    bounds = [f"| `{label}` | {LABELS[label]} |" for label in used]
    return "\n".join(
        [
            _HEAD,
            "| name | kind | labels | meaning |",
            "|---|---|---|---|",
            *lines,
            "",
            "What bounds the values of each label:",
            "",
            "| label | values |",
            "|---|---|",
            *bounds,
            "",
        ]
    )


def _describe(metric: MetricWrapperBase) -> MetricRow:
    (family,) = metric.describe()
    name = f"{family.name}_total" if family.type == "counter" else family.name
    return MetricRow(name, family.type, tuple(metric._labelnames), family.documentation)  # noqa: SLF001 -- it has no public name


def _code(labels: tuple[str, ...]) -> str:
    return ", ".join(f"`{label}`" for label in labels)


if __name__ == "__main__":
    (REPOSITORY / REFERENCE).write_text(render_reference(), encoding="utf-8")
