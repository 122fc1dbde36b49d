"""Switches: an order on the control topic is obeyed by whoever reads it, and never beyond its say."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from runtime.metrics import REGISTRY
from runtime.settings import Settings, load_settings
from tests.support.topics import create_registered
from tests.support.waiting import wait_until
from topics.control_records import Place, encode_control, parse_place, skip_name
from topics.publishing import publish
from topics.registry import CONTROL
from topics.switches import Switches

pytestmark = pytest.mark.services

IN_FORCE_S = 5.0
"""The promise to operators."""


@pytest.fixture
def topic(kafka_bootstrap: str, topic_prefix: str) -> str:
    return create_registered(kafka_bootstrap, topic_prefix, CONTROL)


def settings_of(environment: Mapping[str, str]) -> Settings:
    return load_settings(environment=environment, dotenv=Path("/nonexistent"))


@contextmanager
def reading(
    bootstrap: str, topic: str, environment: Mapping[str, str] | None = None
) -> Iterator[Switches]:
    switches = Switches(bootstrap, topic, settings_of(environment or {}))
    switches.start()
    try:
        assert switches.wait_caught_up(10)
        yield switches
    finally:
        switches.stop()


def flip(bootstrap: str, topic: str, name: str, value: object) -> None:
    publish(bootstrap, topic, *encode_control(name, value, "ana", "incident 7"))


def test_a_switch_is_in_force_within_five_seconds(kafka_bootstrap: str, topic: str) -> None:
    with reading(kafka_bootstrap, topic) as switches:
        assert switches.llm_enabled

        flip(kafka_bootstrap, topic, "llm.enabled", False)

        wait_until(lambda: not switches.llm_enabled, IN_FORCE_S, what="llm.enabled")
        assert REGISTRY.get_sample_value("runtime_flag", {"name": "llm.enabled"}) == 0


def test_control_does_not_override_a_no_of_the_environment(
    kafka_bootstrap: str, topic: str
) -> None:
    flip(kafka_bootstrap, topic, "llm.enabled", True)

    with reading(kafka_bootstrap, topic, {"ENABLE_LLM_ENGINE": "false"}) as switches:
        assert not switches.llm_enabled
        decisive, other = switches.sources("llm.enabled")
        assert (decisive.source, decisive.value) == ("environment", False)
        assert (other.source, other.author, other.note) == ("control", "ana", "incident 7")


def test_control_says_no_where_the_environment_says_yes(kafka_bootstrap: str, topic: str) -> None:
    flip(kafka_bootstrap, topic, "llm.enabled", False)

    with reading(kafka_bootstrap, topic, {"ENABLE_LLM_ENGINE": "true"}) as switches:
        assert not switches.llm_enabled
        assert switches.sources("llm.enabled")[0].source == "control"


def test_unsetting_gives_the_word_back_to_the_environment(kafka_bootstrap: str, topic: str) -> None:
    flip(kafka_bootstrap, topic, "redis.enabled", False)
    with reading(kafka_bootstrap, topic) as switches:
        assert switches.value("redis.enabled") is False

        publish(kafka_bootstrap, topic, b"redis.enabled", None)

        wait_until(lambda: switches.value("redis.enabled"), IN_FORCE_S, what="the default")
        assert [vote.source for vote in switches.sources("redis.enabled")] == ["default"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"llm.enabled", b"garbage"),
        (b"llm.enabled", b'{"name":"llm.enabled","value":"yes","author":"x"}'),
        (b"llm.enabled", b'{"name":"redis.enabled","value":false,"author":"x"}'),
        (b"no.such.switch", b'{"name":"no.such.switch","value":1,"author":"x"}'),
        (b"\xff\xfe", b"{}"),
        (b"skip/nowhere", b'{"name":"skip/nowhere","value":true,"author":"x"}'),
        (b"", b""),
    ],
)
def test_a_record_that_is_no_order_changes_nothing_and_is_named(
    kafka_bootstrap: str, topic: str, key: bytes, value: bytes
) -> None:
    flip(kafka_bootstrap, topic, "llm.enabled", False)
    publish(kafka_bootstrap, topic, key, value)
    flip(kafka_bootstrap, topic, "ingest.mode", "closed")

    with reading(kafka_bootstrap, topic) as switches:
        assert not switches.llm_enabled
        assert switches.value("ingest.mode") == "closed"
        assert len(switches.reader.failures) == 1


def test_a_skip_names_exactly_one_record_until_it_is_unset(
    kafka_bootstrap: str, topic: str
) -> None:
    place = parse_place("judgify.requests.v1/3/18822")
    flip(kafka_bootstrap, topic, skip_name(place), True)

    with reading(kafka_bootstrap, topic) as switches:
        assert switches.skips == {("judgify.requests.v1", 3, 18822)}
        skip = switches.skip(place)
        assert skip is not None
        assert (skip.author, skip.reason) == ("ana", "incident 7")
        assert switches.skip(Place("judgify.requests.v1", 3, 18823)) is None

        publish(kafka_bootstrap, topic, skip_name(place).encode(), None)

        wait_until(lambda: not switches.skips, IN_FORCE_S, what="no skips")
