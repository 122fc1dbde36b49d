"""Publishing, activating and rolling back: each takes effect for everybody at one broker time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
import typer
from typer.main import get_group

from judgify.cli import workflow_published
from judgify.cli.context import open_context
from judgify.cli.published import load_published
from rules.workflow.book import NotCompiled
from rules.workflow.canonical import version_of
from schemas.errors import FatalError
from schemas.workflow_record import Activation, WorkflowVersion
from tests.support.commands import Commands
from tests.support.topics import create_registered
from tests.support.waiting import wait_until
from topics.publishing import Published, publish
from topics.registry import WORKFLOWS
from topics.workflow_feed import WorkflowFeed
from topics.workflow_records import VersionKey, encode_activation, encode_version

pytestmark = pytest.mark.services

HOT = """\
judgify: 1
id: boiler
title: Boiler
verdicts: {ok: {}, fail: {}}
input: {temp_k: {type: number, required: true}}
rules:
  - {id: HOT, when: temp_k > 400, verdict: fail}
otherwise: {verdict: ok}
tests:  # a remark of the author
  - {name: hot, input: {temp_k: 500}, expect: {verdict: fail, rule: HOT}}
"""
HOTTER = HOT.replace("> 400", "> 450")
BROKEN = HOT.replace("temp_k > 400", "tempk > 400")
WRONG = HOT.replace("verdict: fail, rule: HOT}}", "verdict: ok}}")


@pytest.fixture
def topic(kafka_bootstrap: str, topic_prefix: str) -> str:
    return create_registered(kafka_bootstrap, topic_prefix, WORKFLOWS)


@pytest.fixture
def judgify(
    kafka_bootstrap: str,
    topic: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Commands:
    monkeypatch.chdir(tmp_path)
    for name, text in (("hot", HOT), ("hotter", HOTTER), ("broken", BROKEN), ("wrong", WRONG)):
        (tmp_path / f"{name}.yaml").write_text(text)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka_bootstrap)
    monkeypatch.setenv("JUDGIFY_TOPIC_PREFIX", topic.removesuffix(WORKFLOWS.name))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    return Commands(monkeypatch, capsys)


@contextmanager
def reading(bootstrap: str, topic: str) -> Iterator[WorkflowFeed]:
    feed = WorkflowFeed(bootstrap, topic)
    feed.start()
    try:
        assert feed.wait_caught_up(10)
        yield feed
    finally:
        feed.stop()


def document(limit: int = 400) -> dict[str, Any]:
    return {
        "judgify": 1,
        "id": "boiler",
        "verdicts": {"ok": {}, "fail": {}},
        "input": {"temp_k": {"type": "number"}},
        "rules": [{"id": "HOT", "when": f"temp_k > {limit}", "verdict": "fail"}],
        "otherwise": {"verdict": "ok"},
    }


def publish_version(bootstrap: str, topic: str, found: dict[str, Any]) -> str:
    key = VersionKey("default", "boiler", version_of(found))
    record = WorkflowVersion(document=found, author="ana")
    publish(bootstrap, topic, *encode_version(key, record))
    return key.version


def activate(bootstrap: str, topic: str, version: str | None, delay_ms: int = 2_000) -> Published:
    activation = Activation(
        tenant="default", workflow_id="boiler", version=version, delay_ms=delay_ms, author="ana"
    )
    return publish(bootstrap, topic, *encode_activation(activation))


class TestTheFeed:
    def test_a_version_judges_from_its_broker_time_on_to_the_millisecond(
        self, kafka_bootstrap: str, topic: str
    ) -> None:
        first = publish_version(kafka_bootstrap, topic, document(400))
        second = publish_version(kafka_bootstrap, topic, document(450))
        with reading(kafka_bootstrap, topic) as feed:
            from_ms = activate(kafka_bootstrap, topic, first).timestamp_ms + 2_000
            then_ms = activate(kafka_bootstrap, topic, second, 60_000).timestamp_ms + 60_000

            wait_until(lambda: len(feed.book.activations("default", "boiler")) == 2, 1)

            in_force = [
                feed.book.in_force("default", "boiler", at_ms)
                for at_ms in (from_ms - 1, from_ms, then_ms - 1, then_ms)
            ]
        assert [it and it.version for it in in_force] == [None, first, first, second]

    def test_a_shorter_delay_than_two_seconds_counts_as_two(
        self, kafka_bootstrap: str, topic: str
    ) -> None:
        version = publish_version(kafka_bootstrap, topic, document())
        at_ms = activate(kafka_bootstrap, topic, version, delay_ms=0).timestamp_ms

        with reading(kafka_bootstrap, topic) as feed:
            assert feed.book.in_force("default", "boiler", at_ms + 1_999) is None
            assert feed.book.in_force("default", "boiler", at_ms + 2_000)

    def test_whoever_reads_it_later_finds_the_same(self, kafka_bootstrap: str, topic: str) -> None:
        versions = [publish_version(kafka_bootstrap, topic, document(limit)) for limit in (1, 2, 3)]
        for version in (versions[0], versions[2], None, versions[0]):
            activate(kafka_bootstrap, topic, version)

        with (
            reading(kafka_bootstrap, topic) as one,
            reading(kafka_bootstrap, topic) as other,
        ):
            activations = one.book.activations("default", "boiler")
            assert activations == other.book.activations("default", "boiler")
            assert [it.version for it in activations] == [
                versions[0],
                versions[2],
                None,
                versions[0],
            ]
            assert [it.number for it in one.book.versions("default", "boiler")] == [1, 2, 3]

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            (b"\xff", b"{}"),
            (f"version/default/boiler/{'0' * 64}".encode(), b"not json"),
            (
                f"version/default/boiler/{'0' * 64}".encode(),
                orjson.dumps({"document": document(), "author": "eve"}),
            ),
            (
                f"version/default/other/{version_of(document(7))}".encode(),
                orjson.dumps({"document": document(7), "author": "eve"}),
            ),
            (b"activation/default/boiler/" + b"0" * 36, b'{"tenant": "default"}'),
            (f"version/default/boiler/{version_of(document())}".encode(), None),
        ],
        ids=["key", "bytes", "forged", "other workflow", "activation", "tombstone"],
    )
    def test_a_record_that_is_none_of_ours_is_named_and_judging_goes_on(
        self, kafka_bootstrap: str, topic: str, key: bytes, value: bytes | None
    ) -> None:
        version = publish_version(kafka_bootstrap, topic, document())
        publish(kafka_bootstrap, topic, key, value)
        at_ms = activate(kafka_bootstrap, topic, version).timestamp_ms

        with reading(kafka_bootstrap, topic) as feed:
            found = feed.book.in_force("default", "boiler", at_ms + 2_000)
            assert found is not None
            assert found.version == version
            assert feed.reader.failures_total == 1
            assert feed.failure is None

    def test_a_document_that_does_not_compile_is_named_and_waited_for(
        self, kafka_bootstrap: str, topic: str
    ) -> None:
        newer = document() | {"judgify": 2}
        at_ms = activate(
            kafka_bootstrap, topic, publish_version(kafka_bootstrap, topic, newer)
        ).timestamp_ms

        with reading(kafka_bootstrap, topic) as feed:
            assert len(feed.reader.failures) == 1
            with pytest.raises(NotCompiled):
                feed.book.in_force("default", "boiler", at_ms + 2_000)


class TestTheCommands:
    def test_what_is_published_and_activated_is_in_force_when_the_command_returns(
        self, judgify: Commands
    ) -> None:
        said = judgify.run_well(
            "workflow", "publish", "hot.yaml", "--yes", "--activate", "--author", "ana"
        )

        listed = judgify.read("workflow", "list")
        assert "boiler@1" in said
        assert "in force since" in said
        assert (listed[0]["active"], listed[0]["author"]) == ("boiler@1", "ana")
        assert load_published(open_context(), "boiler@active").version == listed[0]["version"]

    def test_the_same_version_is_published_once(self, judgify: Commands) -> None:
        order = ("workflow", "publish", "hot.yaml", "--yes")
        judgify.run_well(*order)

        assert "published already" in judgify.run_well(*order)
        assert len(judgify.read("topics", "peek", "workflows")) == 1

    @pytest.mark.parametrize(
        ("name", "named"), [("broken", "tempk"), ("wrong", "the test 'hot' fails")]
    )
    def test_an_unsound_workflow_is_refused_with_its_place(
        self, judgify: Commands, name: str, named: str
    ) -> None:
        ended = judgify.run("workflow", "publish", f"{name}.yaml", "--yes")

        assert ended.code == 1
        assert f"{name}.yaml:" in ended.stderr
        assert named in ended.stderr
        assert judgify.read("topics", "peek", "workflows") == []

    def test_nothing_is_published_when_nobody_can_say_yes(self, judgify: Commands) -> None:
        ended = judgify.run("workflow", "publish", "hot.yaml")

        assert ended.code == 2
        assert "--yes" in ended.stderr
        assert judgify.read("topics", "peek", "workflows") == []

    def test_the_plan_shows_what_changes_and_which_verdicts_flip(
        self, judgify: Commands, tmp_path: Path
    ) -> None:
        (tmp_path / "events.ndjson").write_text('{"temp_k": 420}\n{"temp_k": 500}\n{"temp_k": 1}\n')
        judgify.run_well("workflow", "publish", "hot.yaml", "--yes", "--activate", "--no-wait")

        said = judgify.run_well(
            "workflow", "publish", "hotter.yaml", "--yes", "--input", "events.ndjson"
        )

        assert "rule HOT changed (when: temp_k > 400 → temp_k > 450)" in said
        assert "1 of 3 are judged otherwise" in said

    def test_published_versions_and_files_are_compared(self, judgify: Commands) -> None:
        for name in ("hot", "hotter"):
            judgify.run_well(
                "workflow", "publish", f"{name}.yaml", "--yes", "--activate", "--no-wait"
            )

        for before, after in (
            ("boiler@1", "boiler@2"),
            ("@previous", "@active"),
            ("boiler@previous", "2"),
            ("hot.yaml", "@active"),
            ("1", "hotter.yaml"),
        ):
            ended = judgify.run("workflow", "diff", before, after, "--json")
            assert ended.code == 1, (before, after, ended.stderr)
            (change,) = orjson.loads(ended.stdout)["changes"]
            assert (change["part"], change["name"], change["kind"]) == ("rules", "HOT", "changed")
        assert judgify.run("workflow", "diff", "hotter.yaml", "@active").code == 0
        assert judgify.run("workflow", "diff", "boiler@1", "boiler@7").code == 2

    def test_a_roll_back_and_back_again_return_to_the_version_before(
        self, judgify: Commands
    ) -> None:
        for name in ("hot", "hotter"):
            judgify.run_well(
                "workflow", "publish", f"{name}.yaml", "--yes", "--activate", "--no-wait"
            )

        judgify.run_well("workflow", "rollback", "boiler", "--no-wait", "--note", "too late")
        judgify.run_well("workflow", "rollback", "boiler", "--no-wait")

        told = judgify.read("workflow", "history", "boiler")
        assert [it["number"] for it in told["activations"]] == [1, 2, 1, 2]
        assert told["activations"][2]["note"] == "too late"
        assert [it["number"] for it in told["versions"]] == [1, 2]

    def test_a_retired_workflow_has_no_active_version_and_can_come_back(
        self, judgify: Commands
    ) -> None:
        judgify.run_well("workflow", "publish", "hot.yaml", "--yes", "--activate", "--no-wait")

        judgify.run_well("workflow", "retire", "boiler", "--no-wait")

        assert judgify.read("workflow", "list")[0]["active"] is None
        with pytest.raises(FatalError, match="not active"):
            load_published(open_context(), "boiler@active")
        judgify.run_well("workflow", "rollback", "boiler", "--no-wait")
        assert judgify.read("workflow", "list")[0]["active"] == "boiler@1"

    def test_activating_the_active_version_publishes_nothing(self, judgify: Commands) -> None:
        judgify.run_well("workflow", "publish", "hot.yaml", "--yes", "--activate", "--no-wait")

        said = judgify.run_well("workflow", "activate", "boiler", "--version", "1")

        assert "active already" in said
        assert len(judgify.read("topics", "peek", "workflows")) == 2

    def test_a_version_is_shown_as_its_author_wrote_it(self, judgify: Commands) -> None:
        judgify.run_well("workflow", "publish", "hot.yaml", "--yes")

        shown = judgify.run_well("workflow", "show", "boiler", "--version", "1")
        told = judgify.read("workflow", "show", "boiler", "--version", "1")

        assert shown.partition("\n")[2] == HOT
        assert told["source"] == HOT
        assert version_of(told["document"]) == told["version"]

    @pytest.mark.parametrize(
        ("arguments", "named"),
        [
            (("activate", "boiler", "--version", "77"), "no version 77"),
            (("activate", "nobody", "--version", "1"), "published: boiler"),
            (("rollback", "boiler"), "no other version"),
            (("history", "nobody"), "no workflow nobody"),
            (("show", "boiler"), "not active"),
            (("retire", "boiler"), "not active"),
            (("show", "B O"), "Invalid value"),
        ],
    )
    def test_what_cannot_be_found_is_named(
        self, judgify: Commands, arguments: tuple[str, ...], named: str
    ) -> None:
        judgify.run_well("workflow", "publish", "hot.yaml", "--yes")

        ended = judgify.run("workflow", *arguments)

        assert ended.code == 2
        assert named in ended.stderr

    @pytest.mark.parametrize("ref", ["boiler@1", "@1", "boiler@active", "boiler", "@active"])
    def test_a_published_workflow_is_found_by_any_name(self, judgify: Commands, ref: str) -> None:
        judgify.run_well("workflow", "publish", "hot.yaml", "--yes", "--activate", "--no-wait")

        assert load_published(open_context(), ref).find({"temp_k": 500}).verdict == "fail"
        assert load_published(open_context(), "1", workflow_id="boiler").id == "boiler"


def test_the_commands_are_added_to_the_group() -> None:
    group = typer.Typer()

    workflow_published.register(group)

    added = {"publish", "activate", "rollback", "retire", "list", "show", "history"}
    assert set(get_group(group).commands) == added
