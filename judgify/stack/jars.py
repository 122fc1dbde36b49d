"""Kafka's jars: fetched once, by coordinate, each checked against its SHA-256, kept in a cache."""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from schemas.errors import DependencyError, FatalError

FETCH_THREADS: Final = 8
FETCH_TIMEOUT_S: Final = 30
"""Of one silent connection, not of a whole download."""
READ_BYTES: Final = 1_048_576
ROOT_CACHE_DIR: Final = Path("/var/cache/judgify")
_STAGING: Final = ".fetch-"


@dataclass(frozen=True, slots=True)
class Jar:
    """A line of the list: what to fetch, and how to know that it is that."""

    group: str
    artifact: str
    version: str
    sha256: str
    size_bytes: int

    @property
    def file_name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"


Download = Callable[[Jar, Path], Path]
"""Fetches one jar to somewhere below the given directory; raises OSError or RuntimeError."""

OnBytes = Callable[[int, int], None]
"""Told how many bytes have arrived, of how many."""


def load_jar_list() -> tuple[Jar, ...]:
    """Return the pinned jars of Kafka, in the order of the list."""
    text = files("judgify.stack").joinpath("kafka-jars.txt").read_text("utf-8")
    return tuple(_parse_line(line) for line in text.splitlines() if line and line[0] != "#")


def _parse_line(line: str) -> Jar:
    coordinate, digest, size = line.split()
    group, artifact, version = coordinate.split(":")
    return Jar(group, artifact, version, digest.removeprefix("sha256:"), int(size))


def find_cache_dir() -> Path:
    """Return where jars are kept, for all data directories of this user."""
    home = os.environ.get("XDG_CACHE_HOME")  # noqa: TID251 -- the desktop's convention, no setting
    if not home and os.geteuid() == 0:
        return ROOT_CACHE_DIR / "jars"
    return (Path(home) if home else Path.home() / ".cache") / "judgify" / "jars"


def fetch_jars(
    cache: Path,
    jars: Sequence[Jar],
    on_bytes: OnBytes,
    download: Download | None = None,
) -> list[Path]:
    """Return the paths of `jars` in `cache`, after fetching those that are not there intact.

    `on_bytes(done, total)` is called as jars arrive, from several threads, and not at all when the
    cache is warm. A jar enters the cache by rename, after its check: an interrupted fetch leaves
    nothing that could be taken for one.

    Raises:
        DependencyError: one could not be fetched, or is not what the list says.
    """
    paths = [cache / jar.file_name for jar in jars]
    with ThreadPoolExecutor(FETCH_THREADS) as pool:
        intact = list(pool.map(is_intact, paths, jars))
    missing = [jar for jar, found in zip(jars, intact, strict=True) if not found]
    if missing:
        with _locked(cache), tempfile.TemporaryDirectory(prefix=_STAGING, dir=cache) as staging:
            _Fetch(cache, Path(staging), on_bytes, download or _open_download()).run(missing)
    return paths


class _Fetch:
    """One round of downloads and its progress."""

    def __init__(self, cache: Path, staging: Path, on_bytes: OnBytes, download: Download) -> None:
        self._cache = cache
        self._staging = staging
        self._on_bytes = on_bytes
        self._download = download

    def run(self, jars: Sequence[Jar]) -> None:
        total = sum(jar.size_bytes for jar in jars)
        done = 0
        self._on_bytes(0, total)
        pool = ThreadPoolExecutor(FETCH_THREADS, thread_name_prefix="jars")
        try:
            for jar in pool.map(self._fetch, jars):
                done += jar.size_bytes
                self._on_bytes(done, total)
        finally:
            pool.shutdown(cancel_futures=True)

    def _fetch(self, jar: Jar) -> Jar:
        target = self._cache / jar.file_name
        if is_intact(target, jar):  # another process was quicker
            return jar
        try:
            arrived = self._download(jar, self._staging)
        except (OSError, RuntimeError) as error:
            raise DependencyError("jars", _explain(jar, error, self._cache)) from error
        if not is_intact(arrived, jar):
            found = f"{arrived.stat().st_size} bytes, sha256 {_sha256(arrived)[:16]}…"
            raise DependencyError("jars", f"{jar.file_name} is not what the list says: {found}")
        arrived.replace(target)
        return jar


def _explain(jar: Jar, error: Exception, cache: Path) -> str:
    return (
        f"{jar.file_name} could not be fetched ({type(error).__name__}): {error}\n"
        "  The first start needs a network; later ones do not. Connect and try again, or copy\n"
        f"  {cache} from a machine that has it, or set KAFKA_BOOTSTRAP_SERVERS to a Kafka you have."
    )


def _open_download() -> Download:
    """Return the download by jgo, imported only when something must be fetched."""
    try:
        from jgo.maven import MavenContext, PythonResolver  # noqa: PLC0415 -- an extra, slow
    except ModuleNotFoundError as error:
        raise FatalError("jgo is missing: pip install 'judgify[embedded]'") from error

    def download(jar: Jar, staging: Path) -> Path:
        context = MavenContext(
            resolver=PythonResolver(), repo_cache=staging, timeout=FETCH_TIMEOUT_S
        )
        component = context.project(jar.group, jar.artifact).at_version(jar.version)
        return Path(component.artifact().resolve())

    return download


def is_intact(path: Path, jar: Jar) -> bool:
    """Return whether the file at `path` is that jar, byte for byte."""
    try:
        return path.stat().st_size == jar.size_bytes and _sha256(path) == jar.sha256
    except OSError:
        return False


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(READ_BYTES):
            digest.update(piece)
    return digest.hexdigest()


@contextmanager
def _locked(cache: Path) -> Iterator[None]:
    """Keep other fetches out, and remove what a killed one left."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        lock_file = (cache / ".lock").open("a")
    except OSError as error:
        raise FatalError(f"the jar cache {cache} cannot be written: {error.strerror}") from error
    with lock_file as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in cache.glob(f"{_STAGING}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield
