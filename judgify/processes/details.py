"""What `/status` tells of workflows and switches, from what the process itself has read."""

from collections.abc import Mapping
from typing import Any

from rules.workflow.book import WorkflowBook
from runtime.clock import format_ms
from runtime.metrics import WORKFLOW_ACTIVE_INFO
from topics.switch_table import SWITCHES
from topics.switches import Switches


def describe_workflows(book: WorkflowBook, now_ms: int) -> list[dict[str, Any]]:
    """Return the version of each workflow in force at `now_ms`, since when and by whom."""
    rows = []
    for tenant, workflow_id in book.workflows():
        active = book.timeline(tenant, workflow_id).activation_at(now_ms)
        if active is None or active.version is None:
            continue
        numbers = {it.version: it.number for it in book.versions(tenant, workflow_id)}
        rows.append(
            {
                "tenant": tenant,
                "workflow_id": workflow_id,
                "version": active.version,
                "number": numbers.get(active.version),
                "since": format_ms(active.from_ms),
                "author": active.author,
            }
        )
    return rows


def export_workflows(rows: list[dict[str, Any]]) -> None:
    """Set the gauge of active versions to exactly these rows."""
    WORKFLOW_ACTIVE_INFO.clear()
    for row in rows:
        WORKFLOW_ACTIVE_INFO.labels(row["tenant"], row["workflow_id"], row["version"]).set(1)


def describe_switches(switches: Switches) -> dict[str, dict[str, Any]]:
    """Return each switch's value, and who or what decided it."""
    told = {}
    for name in SWITCHES:
        vote = switches.sources(name)[0]
        told[name] = {
            "value": switches.value(name),
            "source": vote.source,
            "author": vote.author,
            "note": vote.note,
            "since": None if vote.since_ms is None else format_ms(vote.since_ms),
        }
    return told


def read_skips(switches: Switches) -> Mapping[tuple[str, int, int], str]:
    """Return the records that an operator told us to bury, with the reasons."""
    places = switches.skips
    if not places:
        return {}
    orders = ((place, switches.skip(place)) for place in places)
    return {place: order.reason for place, order in orders if order is not None}
