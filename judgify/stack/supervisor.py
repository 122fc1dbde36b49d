"""The supervisor: starts the stack, keeps it running, and stops all of it, whatever happens."""

import os
import signal
import threading
import time
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from types import FrameType
from typing import Final

from judgify.stack.child import bound_log
from judgify.stack.foundation import lay_foundation
from judgify.stack.leftovers import end_leftovers
from judgify.stack.lock import hold_data_dir
from judgify.stack.plan import Plan, StackOptions, make_plan
from judgify.stack.ports import HOST
from judgify.stack.reporter import Reporter
from judgify.stack.restarts import Tended
from judgify.stack.service import POLL_INTERVAL_S, Service
from judgify.stack.state import StackState, load_state, save_state
from runtime.clock import Clock, SystemClock, format_ms
from runtime.settings import Settings, load_settings
from schemas.errors import DependencyError, FatalError

WATCH_INTERVAL_S: Final = 0.2
LOGS_INTERVAL_S: Final = 5.0
SUPERVISOR_LOG: Final = "supervisor.log"
"""What it says itself, when it runs in the background."""
STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Stopped(Exception):  # noqa: N818 -- no error: somebody asked for it
    """The stack was told to stop before it was ready."""


def run_stack(options: StackOptions, reporter: Reporter) -> None:
    """Run a stack until a signal stops it; returns when no process of it is left.

    Raises:
        FatalError: it cannot run here: another one does, a port is taken, a setting is wrong.
        DependencyError: something did not start; its log's tail says why.
        Stopped: a signal came before it was ready.
    """
    clock = SystemClock()
    settings = load_settings()
    make_data_dir(options)
    started_at = format_ms(clock.wall_ms())
    with _signals() as stopping, hold_data_dir(options.data_dir, started_at):
        for name in end_leftovers(options.data_dir):
            reporter.remark(f"ended {name}, which an earlier stack had left")
        supervisor = Supervisor(options, settings, reporter, (clock, started_at, stopping))
        try:
            supervisor.start()
            supervisor.watch()
        finally:
            supervisor.stop()


def make_data_dir(options: StackOptions) -> None:
    """Make the data directory: root's can be passed by PostgreSQL's user, a user's by nobody."""
    try:
        mode = 0o711 if os.geteuid() == 0 else 0o700
        options.data_dir.mkdir(parents=True, exist_ok=True, mode=mode)
        (options.data_dir / "logs").mkdir(exist_ok=True, mode=0o700)
    except OSError as error:
        raise FatalError(f"{options.data_dir} cannot be made: {error.strerror}") from error


class Supervisor:
    """A stack's processes, from the first to the last."""

    def __init__(
        self,
        options: StackOptions,
        settings: Settings,
        reporter: Reporter,
        life: tuple[Clock, str, threading.Event],
    ) -> None:
        self._options = options
        self._settings = settings
        self._reporter = reporter
        self._clock, self._started_at, self._stopping = life
        kept = load_state(options.data_dir)
        self._plan: Plan = make_plan(options, settings, kept.ports if kept else {}, self._on_bytes)
        self._kept_ports = dict(kept.ports) if kept else {}
        self._tended: list[Tended] = []
        self._ready = False

    def start(self) -> None:
        """Start everything; returns when all of it is ready."""
        self._save()
        for remark in self._plan.remarks:
            self._reporter.remark(remark)
        self._bring_up(self._plan.services)
        if not self._options.services_only:
            lay_foundation(self._plan.addresses, self._settings, self._reporter)
            self._bring_up(self._plan.agents)
        self._ready = True
        self._reporter.all_ready(self._save())

    def watch(self) -> None:
        """Keep everything running until a signal comes."""
        logs_due_s = 0.0
        while not self._stopping.wait(WATCH_INTERVAL_S):
            changed = [tended for tended in self._tended if tended.tend()]
            if changed:
                self._save()
            if self._clock.monotonic_s() >= logs_due_s:
                self._bound_logs()
                logs_due_s = self._clock.monotonic_s() + LOGS_INTERVAL_S

    def stop(self) -> None:
        """Stop the agents together, then each service: what agents need goes last."""
        for agent in self._plan.agents:
            if agent.child:
                agent.child.send(agent.program.stop_signal)
        for service in (*self._plan.agents, *self._plan.services):
            if not service.stop():
                self._reporter.remark(f"{service.name} did not stop by itself and was killed")
        self._ready = False
        self._save()

    def _bring_up(self, services: Sequence[Service]) -> None:
        """Prepare in threads, launch from this one (see leash.py), wait for each to be ready."""
        begun_s = self._clock.monotonic_s()
        for service in services:
            self._reporter.begin(service.name, service.program.title)
        with ThreadPoolExecutor(max(1, len(services))) as pool:
            waiting = {service: pool.submit(service.program.prepare) for service in services}
            while waiting:
                self._check_stopping()
                for service in [each for each in waiting if self._advance(each, waiting[each])]:
                    del waiting[service]
                    self._report_ready(service, self._clock.monotonic_s() - begun_s)
                time.sleep(POLL_INTERVAL_S)

    def _advance(self, service: Service, prepared: Future[None]) -> bool:
        """Take `service` one step further; say whether it is ready."""
        if service.child is None:
            if prepared.done():
                _result(service.name, prepared)
                tended = Tended(service, self._clock)
                tended.launch()
                self._tended.append(tended)
                self._save()
            return False
        return service.poll_ready()

    def _report_ready(self, service: Service, seconds: float) -> None:
        program = service.program
        for tended in self._tended:
            if tended.service is service:
                tended.ready_in_s = seconds
        self._save()
        self._reporter.ready(service.name, program.title, f"{HOST}:{program.port}", seconds)

    def _on_bytes(self, done: int, total: int) -> None:
        self._check_stopping()
        self._reporter.progress(done, total)

    def _check_stopping(self) -> None:
        if self._stopping.is_set():
            raise Stopped

    def _bound_logs(self) -> None:
        bound_log(self._options.data_dir / "logs" / SUPERVISOR_LOG)
        for tended in self._tended:
            if tended.service.child:
                bound_log(tended.service.child.command.log)

    def _save(self) -> StackState:
        addresses = self._plan.addresses
        state = StackState(
            pid=os.getpid(),
            started_at=self._started_at,
            ready=self._ready,
            kafka_bootstrap_servers=addresses.kafka_bootstrap_servers,
            database_url=addresses.database_url,
            redis_url=addresses.redis_url,
            llm_base_url=addresses.llm_base_url,
            llm=self._plan.llm,
            ports=self._kept_ports | dict(self._plan.ports),
            processes={tended.service.name: tended.state() for tended in self._tended},
        )
        save_state(self._options.data_dir, state)
        return state


def _result(name: str, prepared: Future[None]) -> None:
    try:
        prepared.result()
    except OSError as error:
        raise DependencyError(name, f"could not be laid out: {error}") from error


@contextmanager
def _signals() -> Generator[threading.Event]:
    """Turn the stop signals into an event, so that nothing is interrupted half done."""
    stopping = threading.Event()

    def request(number: int, frame: FrameType | None) -> None:
        del number, frame
        stopping.set()

    earlier = {number: signal.signal(number, request) for number in STOP_SIGNALS}
    try:
        yield stopping
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
