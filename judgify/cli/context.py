"""Where a command finds its services: the environment first, else the local stack's state file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from judgify.stack.fake_llm import lead_to, wants_stand_in
from judgify.stack.state import StackState, find_data_dir, load_running_state
from runtime.settings import Settings, load_settings
from schemas.errors import FatalError

NO_STACK: Final = "no stack is running: `judgify up`, or set KAFKA_BOOTSTRAP_SERVERS"
NO_DATABASE: Final = "no database is known: `judgify up`, or set DATABASE_URL"

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Data directory of the local stack.", show_default=False),
]
"""The option that every command that needs services takes."""


@dataclass(frozen=True, slots=True)
class CliContext:
    """The services a command talks to."""

    settings: Settings
    """Complete: what the environment left open is filled from the local stack."""
    kafka: str
    """Bootstrap servers."""
    database_url: str | None
    state: StackState | None
    """Of the local stack, when it runs and these are its services."""
    data_dir: Path

    def need_database(self) -> str:
        """Return the database's URL.

        Raises:
            FatalError: none is known.
        """
        if self.database_url is None:
            raise FatalError(NO_DATABASE)
        return self.database_url


def open_context(data_dir: Path | None = None) -> CliContext:
    """Return the services: those in the environment, else those of the stack in `data_dir`.

    When KAFKA_BOOTSTRAP_SERVERS names another Kafka than the local stack's, nothing is taken from
    the local stack: the results of one Kafka must not meet the database of another.

    Raises:
        FatalError: no Kafka is known.
    """
    found = find_data_dir(data_dir)
    settings, state = load_completed(found)
    if not settings.kafka_bootstrap_servers:
        raise FatalError(NO_STACK)
    url = settings.database_url
    return CliContext(
        settings=settings,
        kafka=settings.kafka_bootstrap_servers,
        database_url=url.get_secret_value() if url else None,
        state=state,
        data_dir=found,
    )


def load_completed(data_dir: Path) -> tuple[Settings, StackState | None]:
    """Return the settings, completed by the stack that runs in `data_dir`, and that stack.

    None: there is none, or the environment names another Kafka.
    """
    settings = load_settings()
    state = load_running_state(data_dir)
    if state is None:
        return settings, None
    if settings.kafka_bootstrap_servers not in (None, state.kafka_bootstrap_servers):
        return settings, None
    return load_settings({**_from_state(settings, state), "data_dir": data_dir}), state


def _from_state(settings: Settings, state: StackState) -> dict[str, Any]:
    """Return what the local stack adds to the environment."""
    overrides: dict[str, Any] = {}
    for name in ("kafka_bootstrap_servers", "database_url", "redis_url"):
        value = getattr(state, name)
        if value is not None and not getattr(settings, name):
            overrides[name] = value
    if state.llm_base_url is not None and wants_stand_in(settings):
        overrides |= {name.lower(): value for name, value in lead_to(state.llm_base_url).items()}
    return overrides
