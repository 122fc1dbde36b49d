"""What can be set: one frozen object, each setting with its names, bounds and meaning."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
)

from runtime import addresses
from runtime.failpoints import parse_failpoints
from runtime.setting_layers import Names
from schemas.errors import FatalError

JUDGMENT: Final = "judgment.yaml"
INTEGRATIONS: Final = "integrations.yaml"
PRODUCTION_DEFAULTS: Final = {"profile": "production", "activation_delay_ms": 10_000}
"""Defaults that differ when ENV is production."""
Port = Annotated[int, Field(ge=0, le=65_535)]
Seconds = Annotated[float, Field(gt=0, le=600)]
Days: Final = Field(ge=1, le=36_500)


def own(name: str, file: str | None = None, key: str | None = None) -> Names:
    """Return the names of a setting of ours: `JUDGIFY_…` outside, `key` or its name in a file."""
    return Names((f"JUDGIFY_{name.upper()}",), file, key)


def check_url(schemes: tuple[str, ...]) -> AfterValidator:
    """Return a validator of addresses that never quotes what it refuses."""

    def refuse(url: SecretStr) -> SecretStr:
        problem = addresses.check_url(url.get_secret_value(), schemes)
        if problem:
            raise ValueError(problem)
        return url

    return AfterValidator(refuse)


def _check_failpoints(text: str) -> str:
    """Return `text` if it can be armed."""
    parse_failpoints(text)
    return text


Failpoints = Annotated[str, AfterValidator(_check_failpoints)]
PostgresUrl = Annotated[SecretStr, check_url(addresses.POSTGRES_SCHEMES)]
RedisUrl = Annotated[SecretStr, check_url(addresses.REDIS_SCHEMES)]


class Settings(BaseModel):
    """Every setting that something reads; the docstring under each becomes its reference."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_default=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )
    _sources: dict[str, str] = PrivateAttr(default_factory=dict)

    env: Annotated[
        Literal["development", "test", "staging", "production"], Names(("ENV", "ENVIRONMENT"))
    ] = "development"
    """Where this runs. `production` refuses what is only fit for trying out."""
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"],
        Names(("LOG_LEVEL",), JUDGMENT),
        BeforeValidator(lambda word: word.upper() if isinstance(word, str) else word),
    ] = "INFO"
    """The least severe log line written. INFO in production too: WARNING hides judgments."""
    profile: Annotated[Literal["local", "production"], own("profile")] = "local"
    """Partitions and replication of topics. `production` by default when ENV is."""

    kafka_bootstrap_servers: Annotated[
        str | None, Names(("KAFKA_BOOTSTRAP_SERVERS",), INTEGRATIONS)
    ] = None
    """`host:port[,host:port]` of Kafka. The local stack's when absent."""
    topic_prefix: Annotated[
        str, own("topic_prefix", INTEGRATIONS), Field(pattern=r"^[a-zA-Z0-9._-]{0,64}$")
    ] = "judgify."
    """What the names of topics and consumer groups begin with."""
    database_url: Annotated[PostgresUrl | None, Names(("DATABASE_URL",))] = None
    """`postgresql://user:password@host:port/name`. Joined from `DB_HOST`, `DB_PORT`, `DB_NAME`,
    `DB_USER`, `DB_PASSWORD` (or `POSTGRES_PASSWORD`) when absent."""
    redis_url: Annotated[RedisUrl | None, Names(("REDIS_URL",))] = None
    """`redis://:password@host:port/0`. Joined from `REDIS_HOST`, `REDIS_PORT`, `REDIS_PASSWORD`
    when absent. Redis is optional."""
    redis_enabled: Annotated[
        bool, Names(("REDIS_ENABLED",), INTEGRATIONS, "redis_enabled", restrictive=True)
    ] = True
    """`false`: Redis is not used, even where its address is known. `false` anywhere wins."""
    enable_llm_engine: Annotated[
        bool, Names(("ENABLE_LLM_ENGINE",), JUDGMENT, "llm_fallback_enabled", restrictive=True)
    ] = False
    """Whether what rules cannot decide goes to the LLM lane. `false` anywhere wins."""
    pg_pool_max: Annotated[int, Names(("PG_POOL_MAX",), INTEGRATIONS), Field(ge=1, le=100)] = 5
    """Most PostgreSQL connections of one process."""

    host: Annotated[str, own("host"), Field(min_length=1)] = "127.0.0.1"
    """The address that `/health`, `/ready`, `/metrics` and `/status` listen on."""
    rule_agent_port: Annotated[Port, own("rule_agent_port")] = 8002
    """Port of rule-agent; 0 takes any free one."""
    postgres_sink_port: Annotated[Port, own("postgres_sink_port")] = 8008
    """Port of postgres-sink; 0 takes any free one."""
    data_dir: Annotated[Path, own("data_dir")] = Path("~/.local/share/judgify")
    """Where the local stack keeps its data and its state file; `/var/lib/judgify` for root."""
    config_dir: Annotated[Path, own("config_dir")] = Path()
    """Where `judgment.yaml`, `dashboard.yaml` and `integrations.yaml` lie; each may be absent."""

    stream_backlog_records: Annotated[
        int, own("stream_backlog_records", JUDGMENT), Field(ge=1, le=1_000_000)
    ] = 8_000
    """Most records per topic handed out and unfinished in one process; then fetching stops."""
    stream_backlog_bytes: Annotated[
        int, own("stream_backlog_bytes", JUDGMENT), Field(ge=2_097_152, le=1_073_741_824)
    ] = 16_777_216
    """Most bytes per topic handed out and unfinished in one process; room for one record."""
    stream_poll_records: Annotated[
        int, own("stream_poll_records", JUDGMENT), Field(ge=1, le=100_000)
    ] = 2_000
    """Most records of one slice."""

    shutdown_timeout_s: Annotated[Seconds, own("shutdown_timeout_s", JUDGMENT)] = 10
    """From SIGTERM to the end of the process, in seconds."""
    drain_timeout_s: Annotated[Seconds, own("drain_timeout_s", JUDGMENT)] = 8
    """Of these, how many work in flight may take to finish, in seconds."""
    revoke_timeout_s: Annotated[Seconds, own("revoke_timeout_s", JUDGMENT)] = 5
    """How long work in flight may take when a partition is taken away, in seconds."""
    watchdog_timeout_s: Annotated[Seconds, own("watchdog_timeout_s", JUDGMENT)] = 10
    """How long the event loop may stand still before the process is ended, in seconds."""
    publish_timeout_s: Annotated[Seconds, own("publish_timeout_s", JUDGMENT)] = 30
    """How long Kafka may take to acknowledge a batch before the producer is replaced, seconds."""
    workflow_confirm_s: Annotated[float, own("workflow_confirm_s", JUDGMENT), Field(gt=0, le=1)] = 1
    """Oldest confirmation of having read all workflows with which an agent judges, in seconds."""
    activation_delay_ms: Annotated[
        int, own("activation_delay_ms", JUDGMENT), Field(ge=2_000, le=3_600_000)
    ] = 2_000
    """From an activation's broker time to its being in force, in milliseconds. 10000 by default
    when ENV is production."""
    failpoint: Annotated[Failpoints | None, Names(("JUDGIFY_FAILPOINT",))] = None
    """`point:nth:action[,…]`: fail on purpose, for tests of recovery (docs/chaos.md)."""

    retention_judgments_days: Annotated[
        int, own("retention_judgments_days", JUDGMENT, "retention.judgments_days"), Days
    ] = 90
    """How many days PostgreSQL keeps judgments and what was counted of them; `judgify db prune`
    deletes older ones. Must exceed the life of a request in Kafka, 14 days by default."""
    retention_dead_letters_days: Annotated[
        int, own("retention_dead_letters_days", JUDGMENT, "retention.dead_letters_days"), Days
    ] = 30
    """How many days PostgreSQL keeps dead letters; as for judgments."""
    disk_free_min_mb: Annotated[
        int, own("disk_free_min_mb", JUDGMENT), Field(ge=0, le=1_048_576)
    ] = 1_024
    """MiB that must be free under Kafka's and PostgreSQL's data where it is on this machine: below
    it nothing is sent (`judgify replay`, `judgify send`) and the sink waits. 0 never refuses."""

    @property
    def bootstrap(self) -> str:
        """Return Kafka's address.

        Raises:
            FatalError: nobody set one.
        """
        if self.kafka_bootstrap_servers is None:
            raise FatalError(
                "KAFKA_BOOTSTRAP_SERVERS is not set: set it to host:port, or `judgify up`"
            )
        return self.kafka_bootstrap_servers

    def source(self, name: str) -> str:
        """Return where the value of `name` comes from: `environment`, `file …` or `default`."""
        if name not in type(self).model_fields:
            raise KeyError(name)
        return self._sources.get(name, "default")

    def remember_sources(self, sources: dict[str, str]) -> None:
        """Keep where each value comes from; called once, by `load_settings`."""
        self._sources.update(sources)

    def port(self, process: str) -> int:
        """Return the port of `process`; 0 (any) for one that has no declared port."""
        return int(getattr(self, f"{process.replace('-', '_')}_port", 0))

    def group(self, process: str) -> str:
        """Return the consumer group of `process`."""
        return f"{self.topic_prefix}{process}"

    def shown(self, name: str) -> str:
        """Return the value of `name` as people may see it: addresses without their password."""
        value = getattr(self, name)
        if isinstance(value, SecretStr):
            return addresses.without_password(value.get_secret_value())
        return "not set" if value is None else str(value)


def setting_names() -> dict[str, Names]:
    """Return how each setting is spelled outside, by its name."""
    return {
        name: next(extra for extra in info.metadata if isinstance(extra, Names))
        for name, info in Settings.model_fields.items()
    }


class CrossCheck(NamedTuple):
    """A rule over several settings, tried when each of them is valid by itself."""

    fields: tuple[str, ...]
    broken: Callable[[Settings], bool]
    message: str


def _lacks_password(url: SecretStr | None) -> bool:
    return url is not None and not addresses.carries_credentials(url.get_secret_value())


CROSS_CHECKS: Final = (
    CrossCheck(
        ("drain_timeout_s", "shutdown_timeout_s"),
        lambda s: s.drain_timeout_s >= s.shutdown_timeout_s,
        "JUDGIFY_DRAIN_TIMEOUT_S must be below JUDGIFY_SHUTDOWN_TIMEOUT_S: "
        "committing and leaving the group take time too",
    ),
    CrossCheck(
        ("revoke_timeout_s", "drain_timeout_s"),
        lambda s: s.revoke_timeout_s > s.drain_timeout_s,
        "JUDGIFY_REVOKE_TIMEOUT_S must not exceed JUDGIFY_DRAIN_TIMEOUT_S",
    ),
    CrossCheck(
        ("stream_poll_records", "stream_backlog_records"),
        lambda s: s.stream_poll_records > s.stream_backlog_records,
        "JUDGIFY_STREAM_POLL_RECORDS must not exceed JUDGIFY_STREAM_BACKLOG_RECORDS",
    ),
    CrossCheck(
        ("env", "profile"),
        lambda s: s.env == "production" and s.profile != "production",
        "JUDGIFY_PROFILE must be production while ENV is: "
        "the local profile keeps one copy of each record",
    ),
    CrossCheck(
        ("env", "failpoint"),
        lambda s: s.env == "production" and s.failpoint is not None,
        "JUDGIFY_FAILPOINT is set while ENV=production: it makes processes fail on purpose",
    ),
    CrossCheck(
        ("env", "database_url"),
        lambda s: s.env == "production" and _lacks_password(s.database_url),
        "DATABASE_URL carries no password while ENV=production: "
        "set POSTGRES_PASSWORD (with DB_HOST), or put it into the URL",
    ),
    CrossCheck(
        ("env", "redis_url", "redis_enabled"),
        lambda s: s.env != "development" and s.redis_enabled and _lacks_password(s.redis_url),
        "REDIS_URL carries no password outside ENV=development: "
        "set REDIS_PASSWORD (with REDIS_HOST), or REDIS_ENABLED=false",
    ),
)
