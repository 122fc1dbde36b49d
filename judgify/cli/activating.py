"""Putting a version in force: publishes the activation, waits for its time, measures the margin."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from judgify.cli.console import note, say
from judgify.cli.context import CliContext
from runtime.clock import Clock, SystemClock, format_ms
from schemas.workflow_record import DELAY_MS_MIN, Activation
from topics.workflow_publishing import publish_activation as publish_order

MARGIN_MS: Final = 1_000
"""How old the knowledge of an agent that judges may be; the rest of the delay is for clocks and
replication."""


@dataclass(frozen=True, slots=True)
class Activated:
    """An activation in the log."""

    from_ms: int
    """In force from this broker time."""
    apart_ms: int
    """Our wall clock at the acknowledgement minus the broker's time of the record."""
    delay_ms: int
    acknowledged_s: float
    """By our monotonic clock."""

    @property
    def is_too_late(self) -> bool:
        """Whether an agent may have judged a request of `from_ms` without knowing of this."""
        return abs(self.apart_ms) >= self.delay_ms - MARGIN_MS


def publish_activation(
    context: CliContext, activation: Activation, clock: Clock | None = None
) -> Activated:
    """Publish `activation`; it is in the log when this returns.

    Raises:
        DependencyError: not acknowledged; it may be in the log all the same: see the history.
    """
    clock = clock or SystemClock()
    told = publish_order(context.kafka, context.settings.topic_prefix, activation)
    delay_ms = max(activation.delay_ms, DELAY_MS_MIN)
    return Activated(
        from_ms=told.timestamp_ms + delay_ms,
        apart_ms=clock.wall_ms() - told.timestamp_ms,
        delay_ms=delay_ms,
        acknowledged_s=clock.monotonic_s(),
    )


def say_activated(activated: Activated, name: str, *, waits: bool) -> None:
    """Say since when `name` holds, once it does (or from when, without waiting)."""
    if activated.is_too_late:
        note(
            f"warning: acknowledged {activated.apart_ms:,} ms after its broker time, by this "
            f"machine's clock; agents that judge by it from the same instant need less than "
            f"{activated.delay_ms - MARGIN_MS:,} ms: check clocks and replication, or raise "
            "JUDGIFY_ACTIVATION_DELAY_MS",
            style="yellow",
        )
    since = format_ms(activated.from_ms)
    if not waits:
        say(f"{name} from {since} on")
        return
    wait_in_force(activated)
    say(f"{name} since {since}")


def wait_in_force(
    activated: Activated,
    clock: Clock | None = None,
    sleep: Callable[[float], object] = time.sleep,
) -> None:
    """Return when the broker's clock has reached the activation's time.

    At the acknowledgement that clock had passed the record's timestamp already, so the delay,
    counted from there by our own monotonic clock, is enough whatever our wall clock says.
    """
    clock = clock or SystemClock()
    end_s = activated.acknowledged_s + activated.delay_ms / 1_000
    while (left_s := end_s - clock.monotonic_s()) > 0:
        sleep(left_s)
