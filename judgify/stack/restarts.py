"""Starts again what has ended, later each time: a process that cannot live must not spin."""

from typing import Final

import structlog

from judgify.stack.service import Service
from judgify.stack.state import ProcessState
from runtime.clock import Clock, format_ms

BACKOFF_FIRST_S: Final = 0.5
BACKOFF_MAX_S: Final = 30.0
STEADY_AFTER_S: Final = 60.0
"""Who lived that long begins again at the first backoff."""

log = structlog.get_logger("judgify.stack")


class Tended:
    """A service that is started again whenever it ends."""

    def __init__(self, service: Service, clock: Clock) -> None:
        self.service = service
        self._clock = clock
        self.ready_in_s: float | None = None
        self._restarts_total = 0
        self._last_exit: str | None = None
        self._failures = 0
        self._launched_s = 0.0
        self._launched_at: str | None = None
        self._due_s: float | None = None

    def launch(self) -> None:
        self.service.launch()
        self._launched_s = self._clock.monotonic_s()
        self._launched_at = format_ms(self._clock.wall_ms())
        self._due_s = None

    def tend(self) -> bool:
        """Look after it once; say whether anything has changed."""
        if self.service.is_alive:
            return False
        now_s = self._clock.monotonic_s()
        if self._due_s is None:
            self._plan_restart(now_s)
            return True
        if now_s < self._due_s:
            return False
        self._restarts_total += 1
        self.launch()
        log.info("process_restarted", child=self.service.name, restarts=self._restarts_total)
        return True

    def _plan_restart(self, now_s: float) -> None:
        if now_s - self._launched_s >= STEADY_AFTER_S:
            self._failures = 0
        delay_s = min(BACKOFF_FIRST_S * 2**self._failures, BACKOFF_MAX_S)
        self._failures = min(self._failures + 1, 32)
        self._due_s = now_s + delay_s
        child = self.service.child
        self._last_exit = child.exit_reason if child else None
        log.warning(
            "process_exited",
            child=self.service.name,
            reason=self._last_exit,
            restart_in_s=delay_s,
            log=str(child.command.log) if child else None,
        )

    def state(self) -> ProcessState:
        child = self.service.child
        alive = child is not None and child.is_alive
        return ProcessState(
            pid=child.pid if child and alive else None,
            title=self.service.program.title,
            ready_in_s=self.ready_in_s,
            port=self.service.program.port,
            started_at=self._launched_at,
            restarts_total=self._restarts_total,
            last_exit=self._last_exit,
            created_s=child.created_s if child and alive else None,
        )
