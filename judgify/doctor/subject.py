"""What the doctor looks at: settings, addresses, the local stack, as far as they can be read."""

from dataclasses import dataclass
from pathlib import Path

from judgify.cli.context import open_context
from judgify.stack.state import StackState, default_data_dir, find_data_dir, is_running, load_state
from runtime.settings import Settings, load_settings
from schemas.errors import FatalError


@dataclass(frozen=True, slots=True)
class Subject:
    """Everything that could be found out without asking a service."""

    settings: Settings
    """Complete, with the addresses of the local stack; all defaults when `settings_problem`."""
    settings_problem: str | None
    data_dir: Path
    state: StackState | None
    """As the state file has it, whether that stack runs or not."""
    state_problem: str | None
    is_running: bool
    """A supervisor holds the data directory."""
    uses_local_stack: bool
    """Kafka is that stack's, or would be: no other address is set."""

    @property
    def kafka(self) -> str | None:
        return self.settings.kafka_bootstrap_servers

    @property
    def database_url(self) -> str | None:
        """With its password: never show it."""
        url = self.settings.database_url
        return None if url is None else url.get_secret_value()

    @property
    def redis_url(self) -> str | None:
        """With its password: never show it."""
        url = self.settings.redis_url
        return None if url is None or not self.settings.redis_enabled else url.get_secret_value()


def start(service: str, subject: Subject) -> str:
    """Return what to do when a service does not answer."""
    if not subject.uses_local_stack:
        return f"start {service}, or correct its address"
    if subject.is_running:
        return "wait: `judgify up` is starting it; if it stays, read its log"
    return "`judgify up`"


def open_subject(explicit: Path | None) -> Subject:
    """Return what there is to look at; whatever cannot be read is a problem to tell."""
    settings, settings_problem = _load_settings()
    data_dir = _find_data_dir(explicit, settings_problem)
    state, state_problem = _load_state(data_dir)
    if settings_problem is None and state_problem is None:
        try:
            context = open_context(explicit)
        except FatalError:
            pass  # no Kafka is known: that is what the doctor will say
        else:
            settings = context.settings
            uses_local_stack = context.state is not None
            return Subject(
                settings, None, data_dir, state, None, is_running(data_dir), uses_local_stack
            )
    uses_local_stack = settings.kafka_bootstrap_servers is None
    running = is_running(data_dir)
    return Subject(
        settings, settings_problem, data_dir, state, state_problem, running, uses_local_stack
    )


def _load_settings() -> tuple[Settings, str | None]:
    try:
        return load_settings(), None
    except FatalError as error:
        return Settings(), str(error)


def _find_data_dir(explicit: Path | None, settings_problem: str | None) -> Path:
    if explicit is None and settings_problem is not None:
        return default_data_dir()
    return find_data_dir(explicit)


def _load_state(data_dir: Path) -> tuple[StackState | None, str | None]:
    try:
        return load_state(data_dir), None
    except FatalError as error:
        return None, str(error)
