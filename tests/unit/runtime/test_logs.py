"""What a log line holds, what it never holds, and that logging never waits."""

import io
import logging
import re
import sys
import threading
from collections.abc import Iterator

import orjson
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from runtime.log_lines import LINE_BYTES_MAX, mask_event, render_json
from runtime.log_queue import QueuedHandler
from runtime.logs import close_logging, configure_logging, get_logger
from runtime.masking import MASK
from runtime.metrics import LOG_EVENTS_DROPPED_TOTAL

SECRET = "Hunter2Swordfish"


class Terminal(io.StringIO):
    @override
    def isatty(self) -> bool:
        return True


class Lines:
    """Collects what is logged; reading flushes the queue."""

    def __init__(self, stream: io.StringIO) -> None:
        self._stream = stream

    def text(self) -> str:
        close_logging()
        return self._stream.getvalue()

    def events(self) -> list[dict[str, object]]:
        return [orjson.loads(line) for line in self.text().splitlines()]


@pytest.fixture
def lines() -> Iterator[Lines]:
    stream = io.StringIO()
    yield from _configured(stream)


@pytest.fixture
def terminal() -> Iterator[Lines]:
    yield from _configured(Terminal())


def _configured(stream: io.StringIO) -> Iterator[Lines]:
    hook, level = sys.excepthook, logging.getLogger().level
    configure_logging("INFO", process="rule-agent", stream=stream)
    yield Lines(stream)
    close_logging()
    logging.getLogger().setLevel(level)
    sys.excepthook = hook
    structlog.reset_defaults()


def test_a_line_says_what_when_where_and_who(lines: Lines) -> None:
    get_logger("topics.feed").info("activation_published", workflow_id="milling", number=14)

    (event,) = lines.events()

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", str(event.pop("timestamp")))
    assert event == {
        "event": "activation_published",
        "level": "info",
        "logger": "topics.feed",
        "process": "rule-agent",
        "workflow_id": "milling",
        "number": 14,
    }


def test_a_library_speaks_through_the_same_door(lines: Lines) -> None:
    logging.getLogger("aiokafka.conn").warning("login with password=%s failed", SECRET)
    logging.getLogger("aiokafka.conn").info("chatter")

    (event,) = lines.events()

    assert event["event"] == f"login with password={MASK} failed"
    assert event["logger"] == "aiokafka.conn"
    assert event["process"] == "rule-agent"


def test_what_is_below_the_level_is_not_written(lines: Lines) -> None:
    get_logger("a").debug("detail_seen")

    assert lines.text() == ""


def test_an_exception_shows_no_locals_and_no_secret(lines: Lines) -> None:
    def fail(payload: str) -> None:
        raise ValueError(f"cannot use password={payload}")

    try:
        fail(SECRET)
    except ValueError:
        get_logger("a").exception("record_buried")

    text = lines.text()
    assert SECRET not in text
    assert '"exc_type":"ValueError"' in text
    assert '"name":"fail"' in text
    assert '"locals"' not in text


def test_an_exception_on_a_terminal_shows_no_secret(terminal: Lines) -> None:
    try:
        int(f"token={SECRET}")
    except ValueError:
        get_logger("a").exception("record_buried")

    text = terminal.text()
    assert SECRET not in text
    assert "ValueError" in text
    assert "record_buried" in text


def test_an_exception_that_nobody_caught_is_masked(lines: Lines) -> None:
    error = RuntimeError(f"postgresql://u:{SECRET}@db/j")

    sys.excepthook(RuntimeError, error, None)

    text = lines.text()
    assert "process_crashed" in text
    assert SECRET not in text


def test_a_sensitive_key_is_masked_at_any_depth() -> None:
    event = mask_event(
        None,
        "info",
        {
            "event": "x",
            "config": {"db": [{"password": SECRET, "host": "db"}]},
            "api_key": 1234,
            f"token={SECRET}": 1,
            "user": b"secret=" + SECRET.encode(),
        },
    )

    text = render_json(None, "info", event)
    assert SECRET not in text
    assert event["config"] == {"db": [{"password": MASK, "host": "db"}]}
    assert event["api_key"] == MASK


def test_a_number_that_is_a_card_is_masked_and_an_id_is_not() -> None:
    event = mask_event(None, "info", {"paid_with": 4111111111111111, "order_id": 4111111111111111})

    assert event == {"paid_with": MASK, "order_id": 4111111111111111}


def test_an_unknown_object_tells_only_its_type() -> None:
    class Request:
        @override
        def __repr__(self) -> str:
            return SECRET

    assert mask_event(None, "info", {"request": Request()})["request"].endswith("Request>")


json_like = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20) | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(fields=st.dictionaries(st.text(max_size=9), json_like, max_size=4))
def test_any_event_becomes_one_line_of_json(fields: dict[str, object]) -> None:
    line = render_json(None, "info", mask_event(None, "info", fields))

    assert "\n" not in line
    orjson.loads(line)


def test_a_long_line_is_cut_and_says_so() -> None:
    event = {"event": "x" * 5_000, "payload": ["y" * 1_000] * 100, "level": "info"}

    line = render_json(None, "info", event)

    assert len(line) < LINE_BYTES_MAX
    cut = orjson.loads(line)
    assert cut["cut_bytes"] > LINE_BYTES_MAX
    assert cut["level"] == "info"


def test_a_deep_event_is_cut() -> None:
    deep: object = "bottom"
    for _ in range(1_500):
        deep = [deep]

    line = render_json(None, "info", mask_event(None, "info", {"deep": deep}))

    assert "<list>" in line


class Stuck(io.StringIO):
    """A stdout that nobody reads."""

    def __init__(self) -> None:
        super().__init__()
        self.freed = threading.Event()

    @override
    def write(self, text: str) -> int:
        self.freed.wait(30)
        return super().write(text)


def record(message: str = "x", *args: object) -> logging.LogRecord:
    return logging.LogRecord("a", logging.INFO, "f", 1, message, args, None)


def test_a_stuck_stdout_drops_lines_and_counts_them() -> None:
    stream = Stuck()
    handler = QueuedHandler(stream, lines_max=5)
    before = LOG_EVENTS_DROPPED_TOTAL._value.get()

    for _ in range(50):
        handler.emit(record())

    dropped = LOG_EVENTS_DROPPED_TOTAL._value.get() - before
    stream.freed.set()
    handler.close()
    assert dropped >= 44
    assert stream.getvalue().count("x") == 50 - dropped


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_record_that_cannot_be_printed_does_not_silence_the_rest() -> None:
    class Broken:
        @override
        def __str__(self) -> str:
            raise RuntimeError

    stream = io.StringIO()
    handler = QueuedHandler(stream)

    handler.emit(record("%s", Broken()))
    handler._thread.join(5)
    handler.emit(record("after"))
    handler.emit(record("more"))
    handler.close()

    assert stream.getvalue().splitlines() == ["after", "more"]


def test_closing_writes_what_is_queued(lines: Lines) -> None:
    for number in range(1_000):
        get_logger("a").info("line_written", number=number)

    assert [event["number"] for event in lines.events()] == list(range(1_000))


def test_a_closed_stdout_raises_nothing() -> None:
    stream = io.StringIO()
    handler = QueuedHandler(stream)
    stream.close()

    handler.emit(record())
    handler.close()

    assert not handler._thread.is_alive()
