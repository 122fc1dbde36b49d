"""The state file of a local stack: its addresses, ports and processes, in its data directory."""

import fcntl
import os
import tempfile
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from runtime.settings import load_settings
from schemas.errors import FatalError

STATE_FILE: Final = "stack.json"
LOCK_FILE: Final = "stack.lock"
ROOT_DATA_DIR: Final = Path("/var/lib/judgify")
"""Root's default: PostgreSQL runs under an unprivileged uid, which cannot reach root's home."""


class ProcessState(BaseModel):
    """One child of the supervisor, as it was seen last."""

    model_config = ConfigDict(frozen=True)

    pid: int | None
    """None while it is not running."""
    title: str = ""
    """For people: `Kafka 4.3.1`."""
    ready_in_s: float | None = None
    """How long it took to be ready when the stack was started; None before."""
    port: int | None = None
    """Where it listens: the service's own port, or an agent's `/health` and `/metrics`."""
    started_at: str | None = None
    """RFC 3339, UTC."""
    restarts_total: int = 0
    """How often the supervisor started it again."""
    last_exit: str | None = None
    """Why it ended last: `exit code 1`, `killed by SIGKILL`."""
    created_s: float | None = None
    """When the kernel says that `pid` began: it tells a later process with the same pid apart."""


class StackState(BaseModel):
    """What a local stack is and where; it outlives the stack, so that ports stay the same."""

    model_config = ConfigDict(frozen=True)

    pid: int
    """The supervisor's."""
    started_at: str
    """RFC 3339, UTC."""
    ready: bool = False
    """All services answered, and the agents were started."""
    kafka_bootstrap_servers: str
    database_url: str
    """With its password: the file is readable by its owner alone."""
    redis_url: str | None
    llm_base_url: str | None = None
    """Of the stand-in for an LLM, when it runs here."""
    llm: str = ""
    """Which LLM is asked, in words."""
    ports: dict[str, int]
    """Every port that was chosen, by name, for the next start."""
    processes: dict[str, ProcessState] = {}
    """By name: `kafka`, `postgres`, `valkey`, `fake-llm`, `rule-agent`, `llm-agent` and so on."""


def find_data_dir(explicit: Path | None = None) -> Path:
    """Return the data directory: `explicit`, else JUDGIFY_DATA_DIR, else the user's default.

    The default is `/var/lib/judgify` for root, `$XDG_DATA_HOME/judgify` or
    `~/.local/share/judgify` for anybody else. It need not exist.
    """
    if explicit is not None:
        return explicit.expanduser().absolute()
    settings = load_settings()
    if settings.source("data_dir") != "default":
        return settings.data_dir.expanduser().absolute()
    return default_data_dir()


def default_data_dir() -> Path:
    """Return where data is kept when nobody says where.

    Raises:
        FatalError: nobody says where, and a user that has only a number has no home.
    """
    if os.geteuid() == 0:
        return ROOT_DATA_DIR
    home = os.environ.get("XDG_DATA_HOME")  # noqa: TID251 -- the desktop's convention, no setting
    return (Path(home) if home else _find_home() / ".local" / "share") / "judgify"


def _find_home() -> Path:
    try:
        return Path.home()
    except RuntimeError as error:
        raise FatalError(
            "this user has no home directory to keep data in: set JUDGIFY_DATA_DIR"
        ) from error


def load_state(data_dir: Path) -> StackState | None:
    """Return the last state of the stack in `data_dir`; None when there never was one.

    Raises:
        FatalError: the file is not one of ours, or belongs to somebody else.
    """
    path = data_dir / STATE_FILE
    try:
        return StackState.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise FatalError(f"{path} cannot be read: run as the user who ran `judgify up`") from error
    except ValidationError as error:
        raise FatalError(f"{path} is damaged: stop the stack and delete the file") from error


def load_running_state(data_dir: Path) -> StackState | None:
    """Return the state of the stack in `data_dir` if its supervisor lives, else None."""
    state = load_state(data_dir)
    return state if state is not None and is_running(data_dir) else None


def is_running(data_dir: Path) -> bool:
    """Say whether a supervisor holds `data_dir`: the lock dies with it, however it dies."""
    try:
        descriptor = os.open(data_dir / LOCK_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def save_state(data_dir: Path, state: StackState) -> None:
    """Replace the state file in one step: a reader sees the old state or the new one."""
    handle, name = tempfile.mkstemp(dir=data_dir, prefix=f".{STATE_FILE}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(state.model_dump_json(indent=2))
        Path(name).replace(data_dir / STATE_FILE)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
