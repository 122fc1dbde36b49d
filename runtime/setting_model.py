"""What can be set: one frozen object, each setting with its names, bounds and meaning."""

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, SecretStr

from runtime import addresses
from runtime.setting_kinds import (
    ApiKey,
    Days,
    EndpointUrl,
    Failpoints,
    PerMinute,
    Port,
    PostgresUrl,
    RedisUrl,
    Seconds,
    UsdPerDay,
    own,
)
from runtime.setting_layers import Names
from schemas.errors import FatalError

JUDGMENT: Final = "judgment.yaml"
INTEGRATIONS: Final = "integrations.yaml"
PRODUCTION_DEFAULTS: Final = {"profile": "production", "activation_delay_ms": 10_000}
"""Defaults that differ when ENV is production."""
STAND_IN_MODEL: Final = "judgify-fake"
"""What `judgify fake-llm` calls itself in every answer."""


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
    ] = True
    """Whether what rules cannot decide goes to the LLM lane. `false` anywhere wins; set it for all
    processes alike."""
    openai_api_key: Annotated[ApiKey | None, Names(("OPENAI_API_KEY",))] = None
    """The key of the LLM endpoint. Without one the lane runs on `judgify fake-llm`, which is no
    model; with ENV=production llm-agent refuses to start."""
    openai_base_url: Annotated[
        EndpointUrl, Names(("OPENAI_BASE_URL",), INTEGRATIONS, "llm.base_url")
    ] = "https://api.openai.com/v1"
    """Where the LLM is: any server that speaks the protocol, a host of one's own included."""
    openai_model: Annotated[
        str | None,
        Names(("OPENAI_MODEL",), INTEGRATIONS, "llm.model"),
        Field(pattern=r"^[A-Za-z0-9._:/@+-]{1,128}$"),
    ] = None
    """Which model is asked. No default: models come and go, and differ in price and skill. It must
    be able to answer by a JSON schema (`judgify llm check`)."""
    llm_api: Annotated[Literal["responses", "chat"], own("llm_api", INTEGRATIONS, "llm.api")] = (
        "responses"
    )
    """Which protocol the endpoint speaks: `/responses`, or the older `/chat/completions`."""
    llm_max_tokens: Annotated[
        int, own("llm_max_tokens", INTEGRATIONS, "llm.max_tokens"), Field(ge=16, le=100_000)
    ] = 1_000
    """Most tokens of one answer; left out for models that refuse it."""
    llm_temperature: Annotated[
        float, own("llm_temperature", INTEGRATIONS, "llm.temperature"), Field(ge=0, le=2)
    ] = 0.3
    """How freely the model chooses its words; left out for models that refuse it."""
    llm_concurrency: Annotated[
        int, own("llm_concurrency", INTEGRATIONS, "llm.concurrency"), Field(ge=1, le=256)
    ] = 16
    """Most escalations that one llm-agent asks about at a time."""
    llm_call_timeout_s: Annotated[
        Seconds, own("llm_call_timeout_s", INTEGRATIONS, "llm.call_timeout_s")
    ] = 10
    """How long one call may take, to the last byte of its answer, in seconds."""
    llm_total_timeout_s: Annotated[
        Seconds, own("llm_total_timeout_s", JUDGMENT, "max_judgment_time_seconds")
    ] = 30
    """How long after the escalation's broker time the LLM may still answer, all tries included, in
    seconds."""
    llm_requests_per_minute: Annotated[
        PerMinute | None, own("llm_requests_per_minute", INTEGRATIONS, "llm.requests_per_minute")
    ] = None
    """Most calls of the LLM in any minute, of all copies together. Unlimited when absent."""
    llm_tokens_per_minute: Annotated[
        PerMinute | None, own("llm_tokens_per_minute", INTEGRATIONS, "llm.tokens_per_minute")
    ] = None
    """The same for tokens, of prompts and answers together."""
    llm_usd_per_day: Annotated[
        UsdPerDay | None, own("llm_usd_per_day", INTEGRATIONS, "llm.usd_per_day")
    ] = None
    """Most US dollars that calls may cost in a day of UTC, by our table of prices."""
    llm_tenant_requests_per_minute: Annotated[
        PerMinute | None,
        own("llm_tenant_requests_per_minute", INTEGRATIONS, "llm.tenant.requests_per_minute"),
    ] = None
    """The same three for each tenant. Those of one workflow stand in its `llm` part."""
    llm_tenant_tokens_per_minute: Annotated[
        PerMinute | None,
        own("llm_tenant_tokens_per_minute", INTEGRATIONS, "llm.tenant.tokens_per_minute"),
    ] = None
    """Most tokens of each tenant in any minute."""
    llm_tenant_usd_per_day: Annotated[
        UsdPerDay | None, own("llm_tenant_usd_per_day", INTEGRATIONS, "llm.tenant.usd_per_day")
    ] = None
    """Most US dollars of each tenant in a day of UTC."""
    llm_prices: Annotated[Path | None, own("llm_prices", INTEGRATIONS, "llm.prices")] = None
    """A YAML file of prices, which are added to ours and win over them (docs/limits.md)."""
    pg_pool_max: Annotated[int, Names(("PG_POOL_MAX",), INTEGRATIONS), Field(ge=1, le=100)] = 5
    """Most PostgreSQL connections of one process."""

    host: Annotated[str, own("host"), Field(min_length=1)] = "127.0.0.1"
    """The address that `/health`, `/ready`, `/metrics` and `/status` listen on."""
    rule_agent_port: Annotated[Port, own("rule_agent_port")] = 8002
    """Port of rule-agent; 0 takes any free one."""
    llm_agent_port: Annotated[Port, own("llm_agent_port")] = 8007
    """Port of llm-agent; 0 takes any free one."""
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
    deletes older ones. Must exceed what a request and then its result may live in
    Kafka, 28 days by default."""
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
        if name == "openai_api_key":
            return "not set" if value is None else "set"
        if isinstance(value, SecretStr):
            return addresses.without_password(value.get_secret_value())
        return "not set" if value is None else str(value)


def setting_names() -> dict[str, Names]:
    """Return how each setting is spelled outside, by its name."""
    return {
        name: next(extra for extra in info.metadata if isinstance(extra, Names))
        for name, info in Settings.model_fields.items()
    }
