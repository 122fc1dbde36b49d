"""Where settings come from, which place wins, and what is refused."""

import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from runtime.setting_model import setting_names
from runtime.settings import Settings, load_settings
from schemas.errors import FatalError

PASSWORD = "p@ss/w:rd#1"
ABSENT = Path("/nonexistent/.env")


def load(environment: dict[str, str] | None = None, **overrides: object) -> Settings:
    return load_settings(overrides, environment=environment or {}, dotenv=ABSENT)


def refusal(environment: dict[str, str], **overrides: object) -> str:
    with pytest.raises(FatalError) as caught:
        load(environment, **overrides)
    return str(caught.value)


def revealed(settings: Settings) -> str:
    assert isinstance(settings.database_url, SecretStr)
    return settings.database_url.get_secret_value()


def test_nothing_set_is_a_local_stack_with_the_llm_on() -> None:
    settings = load()

    assert settings.kafka_bootstrap_servers is None
    assert settings.topic_prefix == "judgify."
    assert settings.host == "127.0.0.1"
    assert settings.enable_llm_engine
    assert settings.port("rule-agent") == 8002
    assert settings.port("postgres-sink") == 8008
    assert settings.group("rule-agent") == "judgify.rule-agent"
    assert settings.source("host") == "default"


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        load().host = "0.0.0.0"  # type: ignore[misc]  # noqa: S104 -- never bound


def test_the_first_place_that_names_a_setting_wins(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LOG_LEVEL=WARNING\nPG_POOL_MAX=7\n")
    (tmp_path / "judgment.yaml").write_text("log_level: ERROR\nstream_poll_records: 500\n")

    settings = load_settings(
        {"host": "127.0.0.2"},
        environment={"LOG_LEVEL": "debug", "JUDGIFY_CONFIG_DIR": str(tmp_path)},
        dotenv=tmp_path / ".env",
    )

    assert settings.log_level == "DEBUG"
    assert settings.source("log_level") == "environment"
    assert settings.source("pg_pool_max") == "file .env"
    assert settings.source("stream_poll_records") == "file judgment.yaml"
    assert settings.source("host") == "command line"
    assert settings.source("topic_prefix") == "default"


@pytest.mark.parametrize(
    "text", ["retention:\n  judgments_days: 30\n", "retention.judgments_days: 30\n"]
)
def test_a_section_of_a_file_holds_the_settings_under_its_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "judgment.yaml").write_text(text)

    settings = load_settings(environment={"JUDGIFY_CONFIG_DIR": str(tmp_path)})

    assert settings.retention_judgments_days == 30
    assert settings.retention_dead_letters_days == 30
    assert settings.source("retention_judgments_days") == "file judgment.yaml"


@pytest.mark.parametrize("text", ["retention:\n  judgment_days: 30\n", "retention: 30\n"])
def test_a_section_with_anything_else_refuses_to_start(tmp_path: Path, text: str) -> None:
    (tmp_path / "judgment.yaml").write_text(text)

    with pytest.raises(FatalError, match=r"'retention.*no such setting"):
        load_settings(environment={"JUDGIFY_CONFIG_DIR": str(tmp_path)})


def test_an_empty_variable_counts_as_absent() -> None:
    assert load({"KAFKA_BOOTSTRAP_SERVERS": ""}).kafka_bootstrap_servers is None


def test_a_source_of_an_unknown_setting_is_a_bug_of_the_caller() -> None:
    with pytest.raises(KeyError):
        load().source("enable_lmm_engine")


@pytest.mark.parametrize(("in_file", "in_environment"), [("true", "false"), ("false", "true")])
def test_a_switch_that_is_off_anywhere_is_off(
    tmp_path: Path, in_file: str, in_environment: str
) -> None:
    (tmp_path / "judgment.yaml").write_text(f"llm_fallback_enabled: {in_file}\n")

    settings = load({"ENABLE_LLM_ENGINE": in_environment, "JUDGIFY_CONFIG_DIR": str(tmp_path)})

    assert not settings.enable_llm_engine
    expected = "environment" if in_environment == "false" else "file judgment.yaml"
    assert settings.source("enable_llm_engine") == expected


def test_a_switch_that_is_on_everywhere_is_on(tmp_path: Path) -> None:
    (tmp_path / "judgment.yaml").write_text("llm_fallback_enabled: true\n")

    settings = load({"ENABLE_LLM_ENGINE": "true", "JUDGIFY_CONFIG_DIR": str(tmp_path)})

    assert settings.enable_llm_engine


def test_both_spellings_of_env_are_honoured_and_must_agree() -> None:
    assert load({"ENV": "test"}).env == "test"
    assert load({"ENVIRONMENT": "staging"}).env == "staging"
    assert "ENV and ENVIRONMENT in environment differ" in refusal(
        {"ENV": "test", "ENVIRONMENT": "staging"}
    )


def test_an_address_is_joined_from_its_parts() -> None:
    parts = {"DB_HOST": "db", "DB_NAME": "j", "DB_USER": "u", "POSTGRES_PASSWORD": PASSWORD}

    settings = load(parts)

    assert revealed(settings) == "postgresql://u:p%40ss%2Fw%3Ard%231@db:5432/j"
    assert settings.source("database_url") == "environment"
    assert settings.shown("database_url") == "postgresql://u@db:5432/j"


def test_a_whole_address_wins_over_its_parts() -> None:
    settings = load({"DB_HOST": "db", "DATABASE_URL": "postgresql://u@other:1/j"})

    assert revealed(settings) == "postgresql://u@other:1/j"


def test_redis_is_joined_without_a_user() -> None:
    settings = load({"REDIS_HOST": "::1", "REDIS_PASSWORD": "x y"})

    assert settings.redis_url is not None
    assert settings.redis_url.get_secret_value() == "redis://:x%20y@[::1]:6379/0"


@given(password=st.text(max_size=40).map(lambda text: f"Zq7{text}"))
def test_a_password_never_shows_in_the_settings(password: str) -> None:
    settings = load({"DB_HOST": "db", "DB_PASSWORD": password})

    for shown in (repr(settings), str(settings), settings.shown("database_url")):
        assert password not in shown


@pytest.mark.parametrize("url", [f"mysql://u:{PASSWORD}@db", f"postgresql://u:{PASSWORD}@db:x/j"])
def test_a_password_never_shows_in_a_refusal(url: str) -> None:
    with pytest.raises(FatalError) as caught:
        load({"DATABASE_URL": url})

    told = "".join(traceback.format_exception(caught.value))
    assert PASSWORD not in told
    assert "DATABASE_URL in environment" in told


def test_everything_wrong_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "judgment.yaml").write_text("log_levle: INFO\nstream_poll_records: many\n")

    told = refusal(
        {
            "JUDGIFY_CONFIG_DIR": str(tmp_path),
            "PG_POOL_MAX": "0",
            "JUDGIFY_DRAIN_TIMEOUT_S": "20",
            "DATABASE_URL": "db:5432",
        }
    )

    assert told.startswith("settings: 5 problems:")
    assert "'log_levle' in file judgment.yaml: no such setting: did you mean log_level?" in told
    assert "stream_poll_records in file judgment.yaml is 'many'" in told
    assert "PG_POOL_MAX in environment is '0': it should be greater than or equal to 1" in told
    assert "JUDGIFY_DRAIN_TIMEOUT_S must be below" in told
    assert "DATABASE_URL in environment must begin with postgresql://" in told


def test_one_problem_is_one_line() -> None:
    assert "\n" not in refusal({"LOG_LEVEL": "loud"})


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("dashboard.yaml", "max_components: 3\n", "'max_components' in file dashboard.yaml"),
        ("integrations.yaml", "pg_pool_max: 5\npg_pool_max: 6\n", "integrations.yaml line 2"),
        ("judgment.yaml", "- a\n", "holds no mapping"),
        ("judgment.yaml", "a: [\n", "judgment.yaml line"),
        ("judgment.yaml", "x" * 65_537, "larger than 65,536 bytes"),
        ("judgment.yaml", "[" * 200, "judgment.yaml"),
        ("judgment.yaml", "database_url: postgresql://a:secretpw@b/c\n", "no such setting"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(
    tmp_path: Path, name: str, text: str, expected: str
) -> None:
    (tmp_path / name).write_text(text)

    told = refusal({"JUDGIFY_CONFIG_DIR": str(tmp_path)})

    assert expected in told
    assert "secretpw" not in told


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "judgment.yaml").write_bytes(b"log_level: \xff\n")

    assert "not UTF-8 at byte 11" in refusal({"JUDGIFY_CONFIG_DIR": str(tmp_path)})


def test_a_misspelt_name_of_ours_in_dotenv_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("JUDGIFY_TOPIC_PREFX=x.\nOTHER_TOOL=1\n")

    with pytest.raises(FatalError, match=r"did you mean JUDGIFY_TOPIC_PREFIX\?"):
        load_settings(environment={}, dotenv=tmp_path / ".env")


def test_dotenv_leaves_dollars_as_they_stand(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DB_HOST=db\nDB_PASSWORD=a${HOME}b\n")

    settings = load_settings(environment={"HOME": "x"}, dotenv=tmp_path / ".env")

    assert "a%24%7BHOME%7Db" in revealed(settings)


def test_production_has_its_own_defaults() -> None:
    settings = load({"ENV": "production"})

    assert settings.profile == "production"
    assert settings.activation_delay_ms == 10_000


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"ENV": "production", "JUDGIFY_PROFILE": "local"}, "JUDGIFY_PROFILE must be production"),
        ({"ENV": "production", "DATABASE_URL": "postgresql://u@db/j"}, "POSTGRES_PASSWORD"),
        ({"ENV": "staging", "REDIS_URL": "redis://r:6379/0"}, "REDIS_PASSWORD"),
        ({"JUDGIFY_REVOKE_TIMEOUT_S": "9"}, "JUDGIFY_REVOKE_TIMEOUT_S must not exceed"),
        ({"JUDGIFY_STREAM_BACKLOG_RECORDS": "100"}, "JUDGIFY_STREAM_POLL_RECORDS must not exceed"),
        ({"JUDGIFY_ACTIVATION_DELAY_MS": "1999"}, "greater than or equal to 2000"),
        ({"JUDGIFY_WORKFLOW_CONFIRM_S": "1.5"}, "less than or equal to 1"),
        ({"JUDGIFY_SHUTDOWN_TIMEOUT_S": "nan"}, "JUDGIFY_SHUTDOWN_TIMEOUT_S"),
    ],
)
def test_an_unsafe_combination_is_refused(environment: dict[str, str], expected: str) -> None:
    assert expected in refusal(environment)


@pytest.mark.parametrize(
    "environment",
    [
        {"ENV": "production", "DATABASE_URL": "postgresql://u:p@db/j"},
        {"ENV": "production", "DATABASE_URL": "postgresql://u@db/j?sslcert=/c.pem"},
        {"ENV": "production", "REDIS_URL": "redis://r:6379/0", "REDIS_ENABLED": "false"},
        {"REDIS_URL": "redis://r:6379/0"},
    ],
)
def test_a_safe_combination_is_accepted(environment: dict[str, str]) -> None:
    assert load(environment).env == environment.get("ENV", "development")


def test_a_missing_kafka_address_says_what_to_do() -> None:
    with pytest.raises(FatalError, match="judgify up"):
        _ = load().bootstrap


def test_an_unknown_override_is_refused() -> None:
    assert "no such setting" in refusal({}, topic_prefx="x.")


def test_no_two_settings_share_a_name() -> None:
    spellings = [spelling for names in setting_names().values() for spelling in names.env]

    assert len(spellings) == len(set(spellings))
