"""A request that was set aside, sent again once its workflow was mended: the whole lane, for real."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import Commands
from tests.support.lane import Lane
from tests.support.waiting import wait_until

pytestmark = pytest.mark.services

WORKFLOW = """
judgify: 1
id: press
verdicts: {ok: {severity: info}, fail: {severity: critical}}
input: {bar: {type: number}}
rules:
  - {id: BURST, when: bar > %d, verdict: fail}
otherwise: {verdict: ok}
"""


@pytest.fixture
def lane(
    kafka_bootstrap: str, topic_prefix: str, database_url: str, tmp_path: Path
) -> Iterator[Lane]:
    lane = Lane(kafka_bootstrap, topic_prefix, tmp_path, database_url)
    yield lane
    lane.close()


@pytest.fixture
def commands(
    lane: Lane, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Commands:
    for name, value in lane.environment.items():
        monkeypatch.setenv(name, value)
    return Commands(monkeypatch, capsys)


def read(commands: Commands, *arguments: str) -> Any:
    """Return the JSON of a command; None when it printed none."""
    return json.loads(commands.run(*arguments, "--json").stdout or "null")


def audit_of(requests: int, commands: Commands) -> Any:
    """Return the audit once it covers so many requests: rule-agent commits twice a second."""
    account = read(commands, "audit")
    return account if account["records"] == requests else None


@pytest.mark.timeout(180)  # two processes start, on a machine that may be busy
def test_a_request_sent_again_is_judged_by_the_mended_workflow_and_the_audit_stays_clean(
    lane: Lane, commands: Commands, tmp_path: Path
) -> None:
    wrong, mended = tmp_path / "wrong.yaml", tmp_path / "mended.yaml"
    wrong.write_text(WORKFLOW % 9_000)
    mended.write_text(WORKFLOW % 300)
    lane.publish_workflow(wrong)
    for number in range(3):
        body = {"workflow_id": "press", "request_id": f"r-{number}", "input_data": {"bar": 500}}
        lane.send(json.dumps(body).encode(), key=b"p-1", partition=2)
    aside = f"{lane.requests}/2/1"
    commands.run_well("skip", aside, "--reason", "judged wrongly")
    for name in ("rule-agent", "postgres-sink"):
        lane.start(name, wait=False)
    wait_until(
        lambda: read(commands, "dead-letters", "list")["dead_letters"], 40, what="the letter"
    )
    version = lane.publish_workflow(mended)

    told = read(commands, "dead-letters", "redrive", aside, "--yes")

    assert told["sent"] == {"requests": 1}
    judged = wait_until(lambda: read(commands, "judgments", "show", "r-1"), 20, what="a judgment")
    assert (judged["verdict"], judged["workflow_version"]) == ("fail", version)
    assert judged["origin"]["offset"] == 3
    account = wait_until(lambda: audit_of(4, commands), 20, what="the commit of what is judged")
    assert account["clean"], account
    assert (account["judged"], account["buried"], account["duplicates"]) == (3, 1, 0)
