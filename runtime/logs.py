"""Logs: one JSON line per event on stdout, readable on a terminal; every library goes through here.

Masking happens in one place, the formatter's last step before rendering (`runtime.log_lines`), so
that nothing reaches a handler unmasked. Never one line per judgment on the hot path.
"""

import logging
import sys
from types import TracebackType
from typing import Final, TextIO

import structlog
from rich.console import Console
from structlog.processors import ExceptionRenderer, StackInfoRenderer, TimeStamper, format_exc_info
from structlog.stdlib import BoundLogger, ProcessorFormatter
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, Processor, WrappedLogger

from runtime.log_lines import mask_event, render_json
from runtime.log_queue import QueuedHandler

FRAMES_MAX: Final = 20
LIBRARIES: Final = (
    *("faust", "mode", "aiokafka", "kafka", "asyncpg", "aiohttp", "asyncio"),
    *("openai", "httpx2", "httpcore2"),
)
"""Their INFO is chatter: they are heard from WARNING on, and from INFO on when we debug."""


def get_logger(name: str) -> BoundLogger:
    """Return the logger called `name`; events are `noun_verbed`, facts are keyword arguments."""
    logger: BoundLogger = structlog.get_logger(name)
    return logger


def configure_logging(level: str, *, process: str, stream: TextIO | None = None) -> None:
    """Send every log line of this process, from `level` up, to `stream` (stdout when None).

    May be called again: the last call counts.
    """
    target = sys.stdout if stream is None else stream
    readable = target.isatty()
    before = _before(process, readable=readable)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            *before,
            ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = QueuedHandler(target)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[
                ProcessorFormatter.remove_processors_meta,
                mask_event,
                _console(target) if readable else render_json,
            ],
        )
    )
    _route(handler, level)
    sys.excepthook = _log_crash


def close_logging() -> None:
    """Write what is queued, within `FLUSH_TIMEOUT_S`: to be called before `os._exit`.

    An ordinary end of the interpreter does it by itself.
    """
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler, QueuedHandler):
            root.removeHandler(handler)
            handler.close()


def _before(process: str, *, readable: bool) -> list[Processor]:
    """Return the steps that complete an event, ours or a library's."""

    def add_process(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["process"] = process
        return event

    # Never with locals: they hold records.
    frames = ExceptionDictTransformer(show_locals=False, max_frames=FRAMES_MAX)
    return [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        add_process,
        TimeStamper(fmt="iso", utc=True),
        StackInfoRenderer(),
        format_exc_info if readable else ExceptionRenderer(frames),
    ]


def _console(stream: TextIO) -> Processor:
    return structlog.dev.ConsoleRenderer(colors=not Console(file=stream).no_color)


def _route(handler: QueuedHandler, level: str) -> None:
    """Make `handler` the only one, and let libraries speak through it."""
    close_logging()
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(level)
    for name in LIBRARIES:
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
        library.setLevel(logging.INFO if level == "DEBUG" else logging.WARNING)


def _log_crash(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    """Log an exception that nobody caught, masked as everything is."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)
        return
    get_logger("runtime").critical("process_crashed", exc_info=(kind, error, traceback))
