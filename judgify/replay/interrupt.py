"""Ctrl-C as a wish: the loop at hand ends when it next looks, and a second one ends at once."""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

END_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def catch_interrupt(*also: signal.Signals) -> Generator[threading.Event]:
    """Yield an event that Ctrl-C, or a signal of `also`, sets; only in the main thread.

    A second one raises KeyboardInterrupt: nobody is ever locked in.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def note(_signal: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, *also)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def end_on_signals() -> Generator[None]:
    """Let SIGTERM and a closed terminal end the block as Ctrl-C does: nothing is left running."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _interrupt) for number in END_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
