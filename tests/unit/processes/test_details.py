"""What `/status` tells of workflows and switches is what the process itself goes by."""

from types import SimpleNamespace
from typing import Any

from judgify.processes.details import (
    describe_switches,
    describe_workflows,
    export_workflows,
    read_skips,
)
from rules.workflow.book import WorkflowBook
from runtime.clock import format_ms
from runtime.metrics import REGISTRY
from tests.support.rule_agents import DOCUMENT, Knowledge
from topics.switch_table import SWITCHES
from topics.switches import Skip, Vote

DAY_MS = 86_400_000


def test_each_workflow_in_force_is_told_with_version_number_since_and_author() -> None:
    knowledge = Knowledge()
    first = knowledge.publish(DOCUMENT, at_ms=0)
    second = knowledge.publish(DOCUMENT | {"title": "Press"}, at_ms=DAY_MS)

    [then] = describe_workflows(knowledge.book, DAY_MS // 2)
    [now] = describe_workflows(knowledge.book, 2 * DAY_MS)

    assert (then["version"], then["number"]) == (first, 1)
    assert (now["version"], now["number"]) == (second, 2)
    assert now["since"] == format_ms(DAY_MS + 2_000)
    assert (now["tenant"], now["workflow_id"], now["author"]) == ("default", "press", "a")


def test_a_workflow_that_is_retired_or_not_yet_in_force_is_not_told() -> None:
    knowledge = Knowledge()
    knowledge.publish(DOCUMENT, at_ms=DAY_MS)
    knowledge.activate("press", None, at_ms=2 * DAY_MS)

    assert describe_workflows(knowledge.book, 0) == []
    assert len(describe_workflows(knowledge.book, DAY_MS + 5_000)) == 1
    assert describe_workflows(knowledge.book, 3 * DAY_MS) == []


def test_a_version_whose_document_is_not_read_yet_has_no_number() -> None:
    knowledge = Knowledge()
    knowledge.activate("press", "0" * 64)

    [row] = describe_workflows(knowledge.book, DAY_MS)

    assert (row["version"], row["number"]) == ("0" * 64, None)


def test_nothing_published_is_nothing_told() -> None:
    assert describe_workflows(WorkflowBook(), 0) == []


def test_the_gauge_names_the_versions_in_force_and_no_other() -> None:
    old = {"tenant": "default", "workflow_id": "press", "version": "1"}
    new = old | {"version": "2"}

    export_workflows([old])
    export_workflows([new])

    assert REGISTRY.get_sample_value("workflow_active_info", old) is None
    assert REGISTRY.get_sample_value("workflow_active_info", new) == 1


class FakeSwitches:
    """Implements what the details ask of `topics.switches.Switches`."""

    def __init__(self, skips: dict[tuple[str, int, int], Skip | None] | None = None) -> None:
        self._skips = skips or {}

    def value(self, name: str) -> Any:
        return f"value of {name}"

    def sources(self, name: str) -> tuple[Vote, ...]:
        decided = Vote("control", False, "ann", "incident 7", DAY_MS)
        return (decided if name == "llm.enabled" else Vote("default", True)), Vote("file", True)

    @property
    def skips(self) -> frozenset[tuple[str, int, int]]:
        return frozenset(self._skips)

    def skip(self, place: tuple[str, int, int]) -> Skip | None:
        return self._skips[place]


def test_every_switch_is_told_with_who_decided_it() -> None:
    told = describe_switches(FakeSwitches())  # type: ignore[arg-type]  # -- what details ask of it

    assert set(told) == set(SWITCHES)
    assert told["llm.enabled"] == {
        "value": "value of llm.enabled",
        "source": "control",
        "author": "ann",
        "note": "incident 7",
        "since": format_ms(DAY_MS),
    }
    others = [row for name, row in told.items() if name != "llm.enabled"]
    assert {(row["source"], row["since"]) for row in others} == {("default", None)}


def test_the_records_to_skip_are_told_with_their_reasons() -> None:
    kept, withdrawn = ("t", 0, 1), ("t", 0, 2)
    orders = {kept: Skip("ann", "it crashes the press", DAY_MS), withdrawn: None}

    assert read_skips(FakeSwitches(orders)) == {kept: "it crashes the press"}  # type: ignore[arg-type]  # -- as above


def test_without_orders_no_record_is_looked_up() -> None:
    switches = SimpleNamespace(skips=frozenset())

    assert read_skips(switches) == {}  # type: ignore[arg-type]  # -- as above
