"""`judgify dead-letters`: what was buried, by whom and why, its original bytes; sends it again."""

import asyncio
import sys
from base64 import b64encode
from collections.abc import Iterator
from typing import Annotated, Any, Final

import typer

from judgify.cli.console import fail, print_json, print_table, say
from judgify.cli.context import DataDir, open_context
from judgify.cli.json_option import Json
from judgify.cli.misuse import typed_by_user
from judgify.cli.redrive import redrive
from judgify.cli.since import SinceOption
from judgify.cli.terminal_text import printable_block, printable_line
from judgify.status.words import count_of
from sinks.postgres.dead_letter_queries import (
    DeadLetterFilter,
    fetch_dead_letters,
    find_dead_letters,
)
from sinks.postgres.queries import LIMIT_MAX
from topics.control_records import parse_place
from topics.peeking import find_topic

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="List, show and send again what was buried."
)

app.command()(redrive)

SHOWN_BYTES_MAX: Final = 4_096
"""Of a key, a value or a header on the screen; `--json` and `--raw` give all of it."""


@app.command("list")
def list_dead_letters(  # noqa: PLR0913 -- one parameter per option
    *,
    topic: Annotated[str | None, typer.Option(help="Only records of this topic.")] = None,
    agent: Annotated[str | None, typer.Option(help="Only buried by this process.")] = None,
    code: Annotated[str | None, typer.Option(help="Only for this reason: unreadable, …")] = None,
    since: SinceOption = None,
    limit: Annotated[int, typer.Option(min=1, max=LIMIT_MAX, help="How many.")] = 20,
    cursor: Annotated[str | None, typer.Option(help="Where the last list ended.")] = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """List dead letters, the newest first."""
    url = open_context(data_dir).need_database()
    wanted = DeadLetterFilter(topic, agent, code, since)
    with typed_by_user():
        page = asyncio.run(fetch_dead_letters(url, wanted, limit=limit, cursor=cursor))
    if as_json:
        print_json({"dead_letters": page.rows, "cursor": page.cursor})
        return
    if not page.rows:
        say("no such dead letter is stored")
        return
    print_table(
        ("buried at", "record", "by", "code", "bytes", "sent again", "reason"),
        [
            (
                row["at"],
                _place(row),
                row["agent"],
                row["code"],
                row["value_bytes"],
                row["redriven_at"],
                row["reason"],
            )
            for row in page.rows
        ],
    )
    if page.cursor:
        say(f"more: --cursor {page.cursor}", style="dim")


@app.command()
def show(
    place: Annotated[
        str, typer.Argument(metavar="TOPIC/PARTITION/OFFSET", help="Where the record stood.")
    ],
    *,
    raw: Annotated[
        bool, typer.Option("--raw", help="Write the value's original bytes, and nothing else.")
    ] = False,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Show a dead letter: why it was buried, and its original bytes, safe for the terminal."""
    context = open_context(data_dir)
    with typed_by_user():
        named = parse_place(place)
    topic = find_topic(named.topic, context.settings.topic_prefix)
    url = context.need_database()
    found = asyncio.run(find_dead_letters(url, topic, named.partition, named.offset))
    if not found:
        fail(f"no dead letter of {place} is stored", hint="judgify dead-letters list")
    if raw:
        sys.stdout.buffer.write(found[0]["value"] or b"")
        sys.stdout.buffer.flush()
    elif as_json:
        print_json([_as_json(letter) for letter in found])
    else:
        say("\n\n".join("\n".join(_describe(letter)) for letter in found))


def _describe(letter: dict[str, Any]) -> Iterator[str]:
    agent = printable_line(f"{letter['agent']} {letter['agent_version']}".strip())
    yield f"{_place(letter)} was buried by {agent} at {letter['at']}"
    yield printable_line(f"{letter['kind']}, {letter['code']}: {letter['reason']}")
    if letter["redrives"]:
        yield printable_line(
            f"sent again to {letter['redriven_to']} at {letter['redriven_at']} "
            f"by {letter['redriven_by']} ({count_of(letter['redrives'], 'time')} in all)"
        )
    if letter["request_origin"]:
        yield printable_line(f"request: {letter['request_origin']}")
    yield f"key: {printable_line(_spell(letter['key']))}"
    if letter["headers"] is None:
        yield "headers: could not be read"
    for header in letter["headers"] or ():
        content = header.get("text", header.get("base64"))
        how = " (base64)" if "base64" in header else ""
        shown = "null" if content is None else printable_line(content)
        yield f"header {printable_line(header['name'])}{how}: {shown}"
    if letter["value_length"] is not None:
        yield (
            f"value: cut, the original had {letter['value_length']:,} bytes, "
            f"SHA-256 {letter['value_sha256']}"
        )
    yield f"value: {printable_block(_spell(letter['value']))}"


def _spell(content: bytes | None) -> str:
    """Return bytes as text, what is not UTF-8 spelled out; so is, later, what drives a screen."""
    if content is None:
        return "null"
    text = content[:SHOWN_BYTES_MAX].decode("utf-8", "backslashreplace")
    cut = len(content) - SHOWN_BYTES_MAX
    return f"{text} … {cut:,} bytes more (see --raw)" if cut > 0 else text


def _as_json(letter: dict[str, Any]) -> dict[str, Any]:
    """Return the letter with its bytes in base64, and as text for people to look at."""
    shown = dict(letter)
    for name in ("key", "value"):
        content = letter[name]
        shown[name] = None if content is None else content.decode("utf-8", "backslashreplace")
        shown[f"{name}_base64"] = None if content is None else b64encode(content).decode()
    return shown


def _place(letter: dict[str, Any]) -> str:
    return f"{letter['topic']}/{letter['partition']}/{letter['record_offset']}"
