"""`compose.yaml` is this Judgify: its processes, its settings, its broker; and it is closed."""

import re
import sys
from collections.abc import Mapping
from itertools import chain
from typing import Any, Final

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from judgify.asyncapi.__main__ import CHECKOUT
from judgify.cli.main import app
from judgify.cli.run import PROCESSES
from judgify.stack.kafka import SERVER_PROPERTIES
from runtime.setting_model import Settings, setting_names
from runtime.settings import PARTS

COMPOSE: Final[dict[str, Any]] = YAML(typ="safe").load((CHECKOUT / "compose.yaml").read_text())
SERVICES: Final[dict[str, dict[str, Any]]] = COMPOSE["services"]
OURS: Final = {name: each for name, each in SERVICES.items() if "build" in each}
RUNNING: Final = {name: each for name, each in OURS.items() if each["command"][0] == "run"}
ONE_SHOT: Final = {name: each for name, each in OURS.items() if each["restart"] == "no"}
MEMORY_MB_MAX: Final = 6_144
"""Of the 8 GB that a laptop has to have."""

NOT_PASSED_ON: Final = {
    "JUDGIFY_PROFILE": "one broker keeps one copy",
    "DATABASE_URL": "joined from DB_HOST and POSTGRES_PASSWORD",
    "REDIS_URL": "joined from REDIS_HOST and REDIS_PASSWORD",
    "JUDGIFY_HOST": "set by the image",
    "JUDGIFY_DATA_DIR": "set by the image",
    "JUDGIFY_CONFIG_DIR": "the image's working directory",
    "JUDGIFY_FAILPOINT": "for tests",
    "OPENAI_API_KEY": "llm-agent alone asks",
}
BY_PLACE: Final = {
    "node.id", "controller.quorum.voters", "listeners", "advertised.listeners",
    "inter.broker.listener.name", "listener.security.protocol.map", "log.dirs",
}  # fmt: skip
"""Settings of the broker that say where it is."""


def megabytes(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([mg])", text).groups()  # type: ignore[union-attr]  # -- fails loudly
    return int(number) * (1_024 if unit == "g" else 1)


def variables(node: object) -> set[tuple[str, str]]:
    """Return each `${NAME:…}` below `node`, with what follows the name."""
    if isinstance(node, Mapping):
        return set(chain.from_iterable(variables(value) for value in node.values()))
    if isinstance(node, list):
        return set(chain.from_iterable(variables(item) for item in node))
    return set(re.findall(r"\$\{(\w+)([^}]*)\}", str(node)))


@pytest.mark.parametrize("name", SERVICES)
def test_every_port_is_published_on_loopback_alone(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:\$\{\w+:-(\d+)\}:\1", port)
    assert "network_mode" not in SERVICES[name]


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_is_pinned(name: str) -> None:
    image = re.sub(r"\$\{IMAGE:-(.+)\}", r"\1", SERVICES[name]["image"])

    assert re.fullmatch(r"[a-z0-9/._-]+:[a-z0-9._-]+", image)
    assert not image.endswith(":latest")


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_has_its_limits(name: str) -> None:
    service = SERVICES[name]

    assert megabytes(service["mem_limit"]) <= 1_024
    assert 0 < service["pids_limit"] <= 512
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "3"}
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_the_whole_of_it_fits_a_laptop() -> None:
    assert sum(megabytes(service["mem_limit"]) for service in SERVICES.values()) <= MEMORY_MB_MAX


@pytest.mark.parametrize("name", set(SERVICES) - set(ONE_SHOT))
def test_every_service_that_stays_has_a_health_check(name: str) -> None:
    check = SERVICES[name]["healthcheck"]

    assert check["test"][0] in {"CMD", "CMD-SHELL"}
    assert {"interval", "timeout", "retries", "start_period"} <= set(check)


@pytest.mark.parametrize("name", ONE_SHOT)
def test_somebody_waits_for_every_set_up(name: str) -> None:
    awaited = [service["depends_on"].get(name, {}).get("condition") for service in RUNNING.values()]

    assert "service_completed_successfully" in awaited
    assert ONE_SHOT[name]["restart"] == "no"


@pytest.mark.parametrize("name", OURS)
def test_our_containers_may_write_to_tmp_alone_and_do_nothing_special(name: str) -> None:
    service = OURS[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert [entry.split(":")[0] for entry in service["tmpfs"]] == ["/tmp"]  # noqa: S108 -- a mount in a container
    assert not {"privileged", "cap_add", "user", "volumes", "devices", "pid"} & set(service)


def test_every_process_is_there_under_its_name_and_on_its_port() -> None:
    assert {name: service["command"] for name, service in RUNNING.items()} == {
        name: ["run", name] for name in PROCESSES
    }
    for name, service in RUNNING.items():
        setting = f"{name.replace('-', '_')}_port"
        port = Settings.model_fields[setting].default

        assert service["ports"] == [
            f"127.0.0.1:${{{setting_names()[setting].env[0]}:-{port}}}:{port}"
        ]


@pytest.mark.parametrize("name", OURS)
def test_every_command_exists(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check = OURS[name]["healthcheck"].get("test", ["CMD", "judgify", "healthcheck"])
    assert check[:2] == ["CMD", "judgify"]
    for command in (OURS[name]["command"], check[2:]):
        arguments = [*command, "--help"]
        monkeypatch.setattr(sys, "argv", ["judgify", *arguments])

        assert CliRunner().invoke(app, arguments).exit_code == 0, command


def test_the_topics_are_those_of_the_registry_and_nothing_else_makes_one() -> None:
    assert SERVICES["setup-topics"]["command"] == ["topics", "create"]
    assert SERVICES["kafka"]["environment"]["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
    for name, service in RUNNING.items():
        assert "setup-topics" in service["depends_on"], name


def test_the_broker_is_set_up_as_that_of_the_local_stack() -> None:
    local = dict(line.split("=", 1) for line in SERVER_PROPERTIES.splitlines())
    container = {
        name.removeprefix("KAFKA_").replace("_", ".").lower(): str(value)
        for name, value in SERVICES["kafka"]["environment"].items()
        if name not in {"CLUSTER_ID", "KAFKA_HEAP_OPTS"}
    }

    assert set(container) == set(local)
    assert {name: container[name] for name in set(local) - BY_PLACE} == {
        name: local[name] for name in set(local) - BY_PLACE
    }


def test_every_setting_reaches_the_processes_or_is_left_out_for_a_reason() -> None:
    ports = {name for name in Settings.model_fields if name.endswith("_port")}
    expected = {
        names.env[0] for setting, names in setting_names().items() if setting not in ports
    } - set(NOT_PASSED_ON)
    parts = {name for names in PARTS.values() for spelled in names.values() for name in spelled}

    for name, service in OURS.items():
        given = set(service["environment"])
        assert expected <= given, f"{name}: add to x-judgify in compose.yaml, or to NOT_PASSED_ON"
        assert given <= expected | parts | {"OPENAI_API_KEY"}, f"{name}: no such setting"


def test_no_password_has_a_default_or_goes_to_whoever_does_not_need_it() -> None:
    for name, service in SERVICES.items():
        for variable, rest in variables(service):
            if "PASSWORD" in variable:
                assert rest.startswith(":?"), f"{name}: {variable}"
    knowing = {name for name in OURS if "POSTGRES_PASSWORD" in OURS[name]["environment"]}
    assert knowing == {"setup-database", "postgres-sink"}
    for secret in ("OPENAI_API_KEY", "REDIS_PASSWORD"):
        assert {name for name in OURS if secret in OURS[name]["environment"]} == {"llm-agent"}
    assert "setup-database" in SERVICES["postgres-sink"]["depends_on"]


def test_a_process_is_given_the_time_that_it_needs_to_stop() -> None:
    needed_s = Settings.model_fields["shutdown_timeout_s"].default

    for name, service in RUNNING.items():
        assert int(service["stop_grace_period"].removesuffix("s")) > needed_s, name


def test_an_old_compose_reads_it_too() -> None:
    assert not {"version", "name"} & set(COMPOSE)
