"""The AsyncAPI document says what the models, the registry and the processes say."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from judgify.asyncapi.__main__ import CHECKOUT, write_all
from judgify.asyncapi.channels import PREFIX, PROFILE
from judgify.asyncapi.document import FILE, build_document, render_document
from judgify.asyncapi.messages import CARRIED
from judgify.asyncapi.topics_page import PAGE, render_page
from judgify.cli.run import PROCESSES, load_process
from judgify.schema_files import MESSAGES, render_schema
from runtime.clock import BrokerClock
from runtime.settings import load_settings
from schemas.dead_letter import DeadLetter
from stream.process import Spec
from tests.support.clock import FakeClock
from tests.support.seams import SeamBench
from topics.headers import build_dead_letter_headers
from topics.registry import TOPICS

DOCUMENT = build_document(CHECKOUT)
GOLDEN = sorted(Path(__file__).with_name("golden").glob("*.json"))


def refs(node: object) -> Iterator[str]:
    """Yield every reference below `node`; examples hold data, which may look like anything."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            elif key != "examples":
                yield from refs(value)
    elif isinstance(node, list):
        for item in node:
            yield from refs(item)


def resolve(ref: str) -> Any:
    found: Any = DOCUMENT
    for part in ref.removeprefix("#/").split("/"):
        found = found[part]
    return found


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    """Return what checks a value against `schema`, whose references lead into the document."""
    return Draft202012Validator(schema | {"components": DOCUMENT["components"]})


@pytest.mark.parametrize(
    ("path", "rendered"),
    [(FILE, render_document(CHECKOUT)), (PAGE, render_page())],
    ids=["document", "page"],
)
def test_what_is_checked_in_is_what_the_sources_say(path: Path, rendered: str) -> None:
    checked_in = (CHECKOUT / path).read_text(encoding="utf-8")

    assert checked_in == rendered, "run `make schemas`, and say what changed"


def test_writing_writes_the_document_and_the_page(tmp_path: Path) -> None:
    write_all(CHECKOUT, tmp_path)

    assert (tmp_path / FILE).read_text(encoding="utf-8") == render_document(CHECKOUT)
    assert (tmp_path / PAGE).read_text(encoding="utf-8") == render_page()


def test_every_reference_leads_somewhere() -> None:
    for ref in refs(DOCUMENT):
        assert resolve(ref), ref


def test_every_operation_names_messages_of_its_own_channel() -> None:
    for operation in DOCUMENT["operations"].values():
        channel = operation["channel"]["$ref"]

        assert operation["messages"]
        assert all(message["$ref"].startswith(f"{channel}/") for message in operation["messages"])


def test_every_topic_is_a_channel_with_its_settings() -> None:
    assert list(DOCUMENT["channels"]) == [spec.name for spec in TOPICS]
    for spec in TOPICS:
        topic = DOCUMENT["channels"][spec.name]["bindings"]["kafka"]

        said = {
            name: ",".join(value) if isinstance(value, list) else str(value)
            for name, value in topic["topicConfiguration"].items()
        }
        assert said == spec.config(PROFILE)
        assert topic["partitions"] == spec.partitions(PROFILE)


def test_every_message_is_on_exactly_one_topic() -> None:
    carried = [name for names in CARRIED.values() for name in names]

    assert sorted(carried) == sorted([*MESSAGES, "dead-letter"])


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_golden_payload_is_an_example_and_fits_its_message(path: Path) -> None:
    payload = json.loads(path.read_text("utf-8"))
    message = DOCUMENT["components"]["messages"][path.name.split(".")[0]]

    assert {"name": path.stem, "payload": payload} in message["examples"]
    validator(message["payload"]).validate(payload)


@pytest.mark.parametrize("name", MESSAGES)
def test_a_payload_that_lacks_what_must_be_there_does_not_fit(name: str) -> None:
    message = DOCUMENT["components"]["messages"][name]
    example = message["examples"][0]["payload"]

    for field in resolve(message["payload"]["$ref"])["required"]:
        rest = {key: value for key, value in example.items() if key != field}
        assert list(validator(message["payload"]).iter_errors(rest)), field


@pytest.mark.parametrize("name", MESSAGES)
def test_the_document_and_the_published_schema_of_a_message_say_the_same(name: str) -> None:
    published = json.loads(render_schema(name).replace("#/$defs/", "#/components/schemas/"))
    parts = published.pop("$defs", {})
    own = {key: value for key, value in published.items() if key not in {"$schema", "$id"}}

    assert resolve(DOCUMENT["components"]["messages"][name]["payload"]["$ref"]) == own
    for title, part in parts.items():
        assert DOCUMENT["components"]["schemas"][title] == part


def test_the_headers_of_a_dead_letter_fit_and_are_all_described() -> None:
    letter = DeadLetter(
        key=b"m-1", value=b"not json", headers=None, topic="judgify.requests.v1", partition=3,
        offset=18_822, timestamp=1_795_266_000_123, agent="rule-agent", version="0.1.0",
        request_origin="judgify.requests.v1/3/18822/1795266000123", value_length=70_000,
        value_sha256="a" * 64, kind="message", code="unreadable", reason="not JSON",
        at="2026-11-21T13:00:00.123Z",
    )  # fmt: skip
    schema = DOCUMENT["components"]["messages"]["dead-letter"]["headers"]

    wire = {name: (value or b"").decode() for name, value in build_dead_letter_headers(letter)}

    Draft202012Validator(schema).validate(wire)
    assert set(wire) == set(schema["properties"])
    for name in schema["required"]:
        rest = {key: value for key, value in wire.items() if key != name}
        assert list(Draft202012Validator(schema).iter_errors(rest)), name


@pytest.mark.parametrize("name", PROCESSES)
async def test_the_operations_of_a_process_are_the_topics_that_it_works_with(name: str) -> None:
    settings = {
        "kafka_bootstrap_servers": "nowhere:9092",
        "database_url": "postgresql://x/y",
        "openai_model": "m",
    }
    clock = BrokerClock(FakeClock())
    spec = load_process(name)(load_settings(settings, environment={}), clock)

    assert topics_of(name) == {
        topic.removeprefix(PREFIX) for topic in (*spec.topics_needed, *spec.topics_equal)
    }
    assert topics_of(name, as_group=True) == joined(spec)


def topics_of(name: str, *, as_group: bool = False) -> set[str]:
    """Return the topics that the document says `name` works with, or reads as its group."""
    return {
        operation["channel"]["$ref"].removeprefix("#/channels/")
        for operation in DOCUMENT["operations"].values()
        if operation["tags"] == [{"name": name}] and ("bindings" in operation or not as_group)
    }


def joined(spec: Spec) -> set[str]:
    """Return the topics of the lanes that the process opens; nothing runs, nothing is asked."""
    bench = SeamBench()
    lanes = spec.make_lanes(bench.seam, bench.undertaker)
    return {lane.topic.removeprefix(PREFIX) for lane in lanes}
