"""`judgify topics`: creates and checks the topics, and looks into them."""

import re
from dataclasses import asdict
from typing import Annotated, Final

import orjson
import typer

from judgify.cli.console import print_json, print_table, say
from judgify.cli.context import CliContext, DataDir, open_context
from judgify.cli.json_option import Json
from judgify.cli.terminal_text import printable, printable_line
from runtime.clock import format_ms
from schemas.errors import FatalError
from topics.peeking import RECORDS_MAX, Peeked, find_topic, peek_at, peek_newest
from topics.provisioning import check_topics, create_topics
from topics.registry import TOPICS, full_name

NEWEST: Final = 10
"""Records shown when nobody says how many."""
SHOWN_CHARACTERS_MAX: Final = 16_384
"""Of one value on the screen; `--json` shows all of it."""

app = typer.Typer(no_args_is_help=True, help="Create, check and look into topics.")

_PLACE: Final = re.compile(r"([A-Za-z0-9._-]{1,249})(?:/(\d{1,9})(?:/(\d{1,18}))?)?")


@app.command()
def create(data_dir: DataDir = None) -> None:
    """Create the topics that are missing; refuse when one exists with other settings."""
    context = open_context(data_dir)
    settings = context.settings
    created = create_topics(context.kafka, settings.topic_prefix, settings.profile)
    for name in created:
        say(f"created {name}")
    if not created:
        say(f"all {len(TOPICS)} topics exist, as they must be")


@app.command()
def check(data_dir: DataDir = None, *, as_json: Json = False) -> None:
    """Say where the topics differ from what they must be; exit 1 if one does."""
    context = open_context(data_dir)
    settings = context.settings
    problems = check_topics(context.kafka, settings.topic_prefix, settings.profile)
    if as_json:
        print_json({"problems": problems})
    elif problems:
        say("\n".join(problems))
    else:
        _print_topics(context)
    raise typer.Exit(1 if problems else 0)


@app.command()
def peek(
    place: Annotated[str, typer.Argument(metavar="TOPIC[/PARTITION[/OFFSET]]")],
    count: Annotated[
        int | None, typer.Option(min=1, max=RECORDS_MAX, help="How many records.")
    ] = None,
    data_dir: DataDir = None,
    *,
    as_json: Json = False,
) -> None:
    """Show the newest records of a topic, or the one at an offset, whatever their bytes."""
    context = open_context(data_dir)
    records = _peek(context, place, count)
    if as_json:
        print_json([_as_json(record) for record in records])
    elif not records:
        say(f"{place} is empty")
    else:
        say("\n\n".join(_as_text(record) for record in records))


def _peek(context: CliContext, place: str, count: int | None) -> list[Peeked]:
    match = _PLACE.fullmatch(place)
    if match is None:
        raise FatalError(f"{place!r} is not TOPIC, TOPIC/PARTITION or TOPIC/PARTITION/OFFSET")
    name, partition, offset = match.groups()
    prefix = context.settings.topic_prefix
    topic = find_topic(name, prefix)
    if offset is not None:
        return peek_at(context.kafka, prefix, topic, (int(partition), int(offset)), count or 1)
    number = None if partition is None else int(partition)
    return peek_newest(context.kafka, prefix, topic, number, count or NEWEST)


def _print_topics(context: CliContext) -> None:
    settings = context.settings
    rows = [
        (
            full_name(spec, settings.topic_prefix),
            spec.partitions(settings.profile),
            "compacted" if spec.retention_ms is None else f"{spec.retention_ms // 86_400_000} d",
            spec.record_key,
            spec.summary,
        )
        for spec in TOPICS
    ]
    print_table(("topic", "partitions", "kept", "record key", "from → to"), rows)


def _as_text(record: Peeked) -> str:
    """Return `record` for the screen: where and when, key, headers, value."""
    lines = [
        f"{record.topic}/{record.partition}/{record.offset}  {_time(record.timestamp_ms)}",
        f"  key: {printable_line(_text(record.key))}",
    ]
    if record.headers is None:
        lines.append("  headers: not read, outsiders write to this topic")
    else:
        lines += [
            f"  {printable_line(name)}: {printable_line(_text(value))}"
            for name, value in record.headers
        ]
    return "\n".join([*lines, _shorten(_pretty(record.value))])


def _as_json(record: Peeked) -> dict[str, object]:
    shown = asdict(record)
    shown["at"] = _time(record.timestamp_ms)
    shown["value"] = _parsed(record.value)
    if record.headers is not None:
        shown["headers"] = [[name, value] for name, value in record.headers]
    return shown


def _time(timestamp_ms: int) -> str:
    return format_ms(timestamp_ms) if timestamp_ms >= 0 else "at an unknown time"


def _text(raw: bytes | None) -> str:
    return "none" if raw is None else printable(raw.decode("utf-8", "backslashreplace"))


def _parsed(raw: bytes | None) -> object:
    """Return the JSON value of `raw`, or its text when it is none (or too deep to print)."""
    try:
        value = None if raw is None else orjson.loads(raw)
        _dump([[value]])  # as deep as `--json` wraps it
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return _text(raw)
    return value


def _pretty(raw: bytes | None) -> str:
    parsed = _parsed(raw)
    return _text(raw) if raw is None or isinstance(parsed, str) else printable(_dump(parsed))


def _dump(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def _shorten(text: str) -> str:
    over = len(text) - SHOWN_CHARACTERS_MAX
    return text if over <= 0 else f"{text[:SHOWN_CHARACTERS_MAX]}… {over:,} characters more"
