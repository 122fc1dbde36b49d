"""`judgify topics|control|skip`: what an operator types, sees, and gets as an exit code."""

import json
import subprocess
import sys

import pytest

from tests.support.commands import Commands
from tests.support.raw_header import publish_raw_header
from topics.publishing import publish
from topics.registry import DEAD_LETTERS, REQUESTS, RESULTS, TOPICS, full_name

pytestmark = pytest.mark.services

HOSTILE_VALUES = [
    b"",
    b"\xff\xfe",
    b"\x1b[31mred",
    b"[" * 10_000,
    b"[" * 500 + b"]" * 500,
    b'{"a": NaN}',
    b'"\\ud800"',
    b'{"\\u0000": "\\u001b]0;x\\u0007"}',
]


@pytest.fixture
def commands(
    kafka_bootstrap: str,
    topic_prefix: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Commands:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka_bootstrap)
    monkeypatch.setenv("JUDGIFY_TOPIC_PREFIX", topic_prefix)
    return Commands(monkeypatch, capsys)


@pytest.fixture
def judgify(commands: Commands, provisioned_topics: str) -> Commands:
    """The commands, with topics that exist."""
    assert provisioned_topics
    return commands


def test_create_and_check_agree(commands: Commands) -> None:
    judgify = commands
    before = judgify.run("topics", "check", "--json")
    created = judgify.run_well("topics", "create")

    assert before.code == 1
    assert len(json.loads(before.stdout)["problems"]) == len(TOPICS)
    assert len(created.splitlines()) == len(TOPICS)
    assert judgify.read("topics", "check") == {"problems": []}


def test_peek_survives_and_spells_out_any_value(
    judgify: Commands, kafka_bootstrap: str, provisioned_topics: str
) -> None:
    topic = full_name(RESULTS, provisioned_topics)
    for value in [*HOSTILE_VALUES, None]:
        publish(kafka_bootstrap, topic, b"\xff\x1b", value, [("h", b"\xff\x1b")], partition=3)

    shown = judgify.run_well("topics", "peek", "results/3")
    records = judgify.read("topics", "peek", topic)

    assert "\x1b" not in shown
    assert [record["offset"] for record in records] == list(range(len(HOSTILE_VALUES) + 1))
    assert records[-1]["value"] is None
    assert records[0]["headers"] == [["h", "\\xff\x1b"]]


def test_peek_survives_a_header_key_that_is_not_utf_8(
    judgify: Commands, kafka_bootstrap: str, provisioned_topics: str
) -> None:
    topic = full_name(REQUESTS, provisioned_topics)
    publish_raw_header(kafka_bootstrap, topic, 0, b"\xff\xfe", b'{"a": 1}')

    shown = subprocess.run(
        [sys.executable, "-m", "judgify", "topics", "peek", "requests"],
        capture_output=True,
        check=True,
        text=True,
        timeout=30,
    ).stdout

    assert "headers: not read" in shown
    assert '"a": 1' in shown


def test_peek_shows_the_newest_of_all_partitions_and_the_one_that_is_named(
    judgify: Commands, kafka_bootstrap: str, provisioned_topics: str
) -> None:
    topic = full_name(DEAD_LETTERS, provisioned_topics)
    for number in range(8):
        publish(kafka_bootstrap, topic, None, b"%d" % number, partition=number % 3)

    newest = judgify.read("topics", "peek", "dead-letters", "--count", "4")
    named = judgify.read("topics", "peek", "dead-letters/1/1")

    assert [record["value"] for record in newest] == [4, 5, 6, 7]
    assert [(record["partition"], record["offset"], record["value"]) for record in named] == [
        (1, 1, 4)
    ]


@pytest.mark.parametrize(
    ("place", "named"),
    [
        ("results/12", "partitions 0 to 11"),
        ("results/0/7", "it is empty"),
        ("results/x", "is not TOPIC"),
    ],
)
def test_peek_says_what_is_wrong_with_the_place(judgify: Commands, place: str, named: str) -> None:
    ended = judgify.run("topics", "peek", place)

    assert ended.code == 2
    assert named in ended.stderr


def test_a_switch_is_set_shown_and_unset_with_its_author(judgify: Commands) -> None:
    judgify.run_well(
        "control", "set", "ingest.mode", "closed", "--note", "flood", "--author", "ana"
    )
    listed = {switch["name"]: switch for switch in judgify.read("control", "list")}
    vote = listed["ingest.mode"]["sources"][0]

    assert listed["ingest.mode"]["value"] == "closed"
    assert (vote["source"], vote["author"], vote["note"]) == ("control", "ana", "flood")
    assert judgify.run_well("control", "get", "ingest.mode").startswith("closed\n")

    judgify.run_well("control", "unset", "ingest.mode")

    assert judgify.read("control", "get", "ingest.mode")["value"] == "open"


def test_an_order_that_a_stricter_setting_overrules_says_so(
    judgify: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = ("control", "set", "llm.enabled", "true")

    monkeypatch.setenv("ENABLE_LLM_ENGINE", "false")
    said = judgify.run_well(*order)

    assert "llm.enabled = false" in said
    assert "the stricter one wins: change it in environment" in said


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("control", "set", "llm.enable", "true"), "did you mean llm.enabled?"),
        (("control", "set", "llm.enabled", "perhaps"), "true, false"),
        (("control", "get", "nothing"), "there are llm.enabled"),
        (("control", "unset", "skip/results"), "TOPIC/PARTITION/OFFSET"),
        (("skip", "results/0/0", "--reason", "x"), "it is empty"),
        (("skip", "results", "--reason", "x"), "TOPIC/PARTITION/OFFSET"),
    ],
)
def test_what_was_typed_wrong_is_named_and_nothing_is_published(
    judgify: Commands, arguments: tuple[str, ...], named: str
) -> None:
    ended = judgify.run(*arguments)

    assert ended.code == 2
    assert named in ended.stderr
    assert judgify.read("topics", "peek", "control") == []


def test_a_skip_names_the_record_under_its_full_topic(
    judgify: Commands, kafka_bootstrap: str, provisioned_topics: str
) -> None:
    topic = full_name(REQUESTS, provisioned_topics)
    publish(kafka_bootstrap, topic, None, b"poison", partition=3)

    judgify.run_well("skip", "requests/3/0", "--reason", "kills the agent")
    listed = judgify.run_well("control", "list")

    assert f"skip/{topic}/3/0: kills the agent" in listed
