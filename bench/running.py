"""Starting and stopping contenders, each alone on its core, and the ground on which they run."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

import psutil

from bench.contenders import Contender
from bench.cores import Cores, staying_on
from bench.environments import NotInstalledError, open_environment
from bench.track import Track

ROOT: Final = Path(__file__).parents[1]
STOP_TIMEOUT_S: Final = 15.0
LOG_CHARS: Final = 2_000
LISTEN_S: Final = 2.0


class BenchError(RuntimeError):
    """A contender that did not do its work; its figure would be worth nothing."""

    def __init__(self, what: str, told: str = "") -> None:
        """Say `what` went wrong; `told` is for who watches alone: it may name paths and hosts."""
        super().__init__(f"{what}: {told}" if told else what)
        self.what = what


@dataclass(frozen=True, slots=True)
class Ground:
    """What every run of a part shares."""

    track: Track
    cores: Cores
    broker: psutil.Process | None
    """None where it is not a process of this machine, or not ours to look at."""
    alone: bool
    """Whether the broker and a contender have a core each."""
    logs: Path
    show: Callable[[str], None]
    """Told how far a run is, a few times a second."""
    say: Callable[[str], None]
    """Told one line per finished run."""
    noise: list[float] = field(default_factory=list)
    """How many cores others used during each run."""


@dataclass(frozen=True, slots=True)
class Running:
    """A contender's process."""

    name: str
    process: psutil.Popen
    log: Path

    def cpu_s(self) -> float:
        times = self.process.cpu_times()
        return times.user + times.system

    def rss_mib(self) -> float:
        return float(self.process.memory_info().rss) / 2**20

    def require_alive(self) -> None:
        """Raise what it said last.

        Raises:
            BenchError: it has ended.
        """
        if self.process.poll() is not None:
            raise BenchError(f"it ended with {self.process.returncode}", self.told())

    def told(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")[-LOG_CHARS:].strip()

    def stop(self) -> None:
        """Ask it to end, and end it if it does not."""
        with suppress(psutil.NoSuchProcess):  # it has ended by itself
            self.process.terminate()
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except psutil.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start_contender(
    ground: Ground, contender: Contender, run: str, core: int | None, group: str | None = None
) -> Running:
    """Start `contender` for `run` on `core`, or wherever it likes.

    Raises:
        BenchError: its environment is not installed.
    """
    try:
        python = open_environment(contender.environment)
    except NotInstalledError as error:
        raise BenchError("it could not be installed", str(error)) from error
    state = ground.logs / f"{run}.state"
    state.mkdir()
    command = contender.command(
        python, ground.track, group or contender.group(ground.track, run), state
    )
    return start(ground, run, command, core)


def start(
    ground: Ground,
    name: str,
    command: Sequence[str],
    core: int | None,
    settings: Mapping[str, str] | None = None,
) -> Running:
    """Start a process of ours that finds the track by its environment."""
    environment = os.environ | {
        "KAFKA_BOOTSTRAP_SERVERS": ground.track.bootstrap,
        "JUDGIFY_TOPIC_PREFIX": ground.track.prefix,
        "JUDGIFY_DATA_DIR": str(ground.logs / "no-stack"),
        "ENABLE_LLM_ENGINE": "false",  # the rule lane is measured, and nobody would answer
        "PYTHONPATH": str(ROOT),
        **(settings or {}),
    }
    log = ground.logs / f"{name}.log"
    with log.open("wb") as out, staying_on(core):
        process = psutil.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=environment)
    return Running(name, process, log)


@contextmanager
def listening_for_noise(ground: Ground, ours: Sequence[psutil.Process]) -> Iterator[None]:
    """Note how many cores processes other than `ours`, the broker and this one use inside."""
    with _Noise([*ours, *([ground.broker] if ground.broker is not None else [])]) as noise:
        yield
    ground.noise.append(noise.cores)


def listen_before(broker: psutil.Process | None, seconds: float = LISTEN_S) -> float:
    """Return how many cores others use now, while nothing of ours runs."""
    with _Noise([broker] if broker is not None else []) as noise:
        time.sleep(seconds)
    return noise.cores


class _Noise:
    """Measures what processes other than `ours` and this one use of the processor."""

    def __init__(self, ours: Sequence[psutil.Process]) -> None:
        self._ours = [*ours, psutil.Process()]
        self.cores = 0.0

    def __enter__(self) -> Self:
        self._before = (time.monotonic(), _busy_s(), _spent_s(self._ours))
        return self

    def __exit__(self, *_error: object) -> None:
        at_s, busy_s, ours_s = self._before
        others_s = (_busy_s() - busy_s) - (_spent_s(self._ours) - ours_s)
        self.cores = round(max(others_s, 0.0) / (time.monotonic() - at_s), 2)


def _busy_s() -> float:
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0))


def _spent_s(processes: Sequence[psutil.Process]) -> float:
    spent_s = 0.0
    for process in processes:
        with suppress(psutil.Error):  # ended in between: what it used counts as noise
            times = process.cpu_times()
            spent_s += times.user + times.system
    return spent_s
