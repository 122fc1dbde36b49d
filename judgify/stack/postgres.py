"""A real PostgreSQL on 127.0.0.1: its own cluster, password and database, never run as root."""

import asyncio
import os
import pwd
import shutil
import signal
from pathlib import Path
from typing import Final

import asyncpg
import psutil

from judgify.stack.child import Command, Owner, run_to_end
from judgify.stack.leftovers import end_process
from judgify.stack.ports import HOST
from judgify.stack.postgres_binaries import PostgresBinaries, find_binaries
from judgify.stack.secret import load_or_create_secret
from judgify.stack.service import accepts_connections
from schemas.errors import DependencyError, FatalError

USER: Final = "judgify"
DATABASE: Final = "judgify"
UNPRIVILEGED: Final = "nobody"
INITDB_TIMEOUT_S: Final = 120.0
CONNECT_TIMEOUT_S: Final = 2.0
SETTINGS: Final = (
    f"listen_addresses={HOST}",
    "unix_socket_directories=",
    "max_connections=60",
    "shared_buffers=64MB",
    "timezone=UTC",
    "log_timezone=UTC",
    "logging_collector=off",
)
"""No Unix socket: whoever connects gives the password."""


class Postgres:
    """The server; its cluster is in `data_dir/postgres`."""

    name = "postgres"
    title = "PostgreSQL"
    stop_signal = signal.SIGINT  # fast: it does not wait for clients to leave
    stop_timeout_s = 30.0
    ready_timeout_s = 60.0

    def __init__(self, data_dir: Path, port: int) -> None:
        self.port = port
        self._data_dir = data_dir
        self._home = data_dir / "postgres"
        self._cluster = self._home / "data"
        self._log = data_dir / "logs" / "postgres.log"
        self._secret = data_dir / "secrets" / "postgres"
        self._binaries: PostgresBinaries | None = None
        self._owner = _find_owner()

    @property
    def url(self) -> str:
        """Return `postgresql://…` with the password."""
        password = load_or_create_secret(self._secret)
        return f"postgresql://{USER}:{password}@{HOST}:{self.port}/{DATABASE}"

    def prepare(self) -> None:
        """Make the cluster when there is none; leave no stale lock on the one that is there.

        Raises:
            FatalError: no usable programs, or a cluster of another major version.
            DependencyError: initdb failed.
        """
        self._make_home()
        self._binaries = find_binaries(self._home / "programs" if self._owner else None)
        self.title = self._binaries.title
        if not (self._cluster / "PG_VERSION").exists():
            self._initialise()
        self._check_version(self._binaries)
        self._end_leftover()

    def _make_home(self) -> None:
        self._log.parent.mkdir(exist_ok=True, mode=0o700)
        self._home.mkdir(exist_ok=True)
        if self._owner:
            self._home.chmod(0o755)
            self._data_dir.chmod(self._data_dir.stat().st_mode | 0o011)
            _require_reachable(self._home, self._owner)

    def _initialise(self) -> None:
        """Make a cluster beside the final place and rename: an interrupted one is made anew."""
        work = self._home / "new"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(mode=0o700)
        password = work / "password"
        password.touch(mode=0o600)
        password.write_text(load_or_create_secret(self._secret), "ascii")
        for path in (work, password):
            _give(path, self._owner)
        arguments = (
            "--pgdata", str(work / "data"), "--username", USER, "--pwfile", str(password),
            "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C",
        )  # fmt: skip
        run_to_end(self._command("initdb", arguments), INITDB_TIMEOUT_S)
        shutil.rmtree(self._cluster, ignore_errors=True)
        (work / "data").rename(self._cluster)
        shutil.rmtree(work)

    def _check_version(self, binaries: PostgresBinaries) -> None:
        made_by = (self._cluster / "PG_VERSION").read_text("ascii").strip()
        if made_by != str(binaries.major):
            raise FatalError(
                f"{self._cluster} was made by PostgreSQL {made_by}, and this is {binaries.title}: "
                "bring back the old one, or start with another --data-dir"
            )

    def _end_leftover(self) -> None:
        """Remove the lock of a server that is gone; end one that still runs on this cluster.

        The lock names a pid, which after a crash may be another process's: PostgreSQL would then
        refuse to start for ever.
        """
        lock = self._cluster / "postmaster.pid"
        try:
            pid = int(lock.read_text("ascii").split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            pid = None
        if pid and self._runs_here(pid):
            end_process(pid, signal.SIGQUIT)
        lock.unlink(missing_ok=True)

    def _runs_here(self, pid: int) -> bool:
        try:
            return str(self._cluster) in psutil.Process(pid).cmdline()
        except psutil.Error:
            return False

    def command(self) -> Command:
        settings = [part for setting in SETTINGS for part in ("-c", setting)]
        arguments = ("-D", str(self._cluster), "-p", str(self.port), *settings)
        return self._command("postgres", arguments)

    def is_ready(self) -> bool:
        """Say whether one can log in; the first time this makes the database.

        Raises:
            DependencyError: the password is not the one that the cluster was made with.
        """
        if not accepts_connections(HOST, self.port):
            return False
        try:
            asyncio.run(self._ensure_database())
        except asyncpg.InvalidPasswordError as error:
            reason = f"{self._secret} is not this cluster's password: bring back the file"
            raise DependencyError(self.name, reason) from error
        except (asyncpg.PostgresError, OSError, TimeoutError):
            return False
        return True

    async def _ensure_database(self) -> None:
        connection = await asyncpg.connect(
            host=HOST, port=self.port, user=USER, database="postgres",
            password=load_or_create_secret(self._secret), timeout=CONNECT_TIMEOUT_S, ssl=False,
        )  # fmt: skip
        try:
            query = "SELECT 1 FROM pg_database WHERE datname = $1"
            if await connection.fetchval(query, DATABASE) is None:
                await connection.execute(f'CREATE DATABASE "{DATABASE}"')
        finally:
            await connection.close(timeout=CONNECT_TIMEOUT_S)

    def _command(self, program: str, arguments: tuple[str, ...]) -> Command:
        directory = self._binaries.directory if self._binaries else Path()
        return Command(
            name=self.name,
            argv=(str(directory / program), *arguments),
            log=self._log,
            cwd=self._home,
            death_signal=signal.SIGQUIT,  # ends at once, with all its workers; recovers by WAL
            environment={"LC_ALL": "C", "TZ": "UTC"},
            owner=self._owner,
        )


def _find_owner() -> Owner | None:
    """Return under whom PostgreSQL runs: itself refuses root; anybody else is fine as he is."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(UNPRIVILEGED)
    except KeyError as error:
        raise FatalError(
            f"root cannot run PostgreSQL, and there is no user {UNPRIVILEGED!r}: "
            "run as an ordinary user, or set DATABASE_URL"
        ) from error
    return Owner(entry.pw_uid, entry.pw_gid)


def _give(path: Path, owner: Owner | None) -> None:
    if owner:
        os.chown(path, owner.uid, owner.gid)


def _require_reachable(home: Path, owner: Owner) -> None:
    """Refuse a place that PostgreSQL's user cannot reach; we change no directory but our own."""
    for parent in home.parents:
        status = parent.stat()
        bit = 0o100 if status.st_uid == owner.uid else 0o001
        if not status.st_mode & bit:
            raise FatalError(
                f"PostgreSQL runs as {UNPRIVILEGED!r}, which cannot enter {parent}: "
                "choose another --data-dir, or set DATABASE_URL"
            )
