"""`judgify control`: flips the switches that every process obeys, and shows who flipped them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Final

import typer

from judgify.cli.author import Author, Note
from judgify.cli.console import print_json, print_table, say
from judgify.cli.context import CliContext, DataDir, open_context
from judgify.cli.json_option import Json
from judgify.cli.misuse import typed_by_user
from runtime.clock import format_ms
from topics.control_records import SKIP_PREFIX, Place, encode_control, parse_place, skip_name
from topics.publishing import publish
from topics.registry import CONTROL, full_name
from topics.switch_table import SWITCHES, SwitchSpec, find_switch, show
from topics.switches import CONTROL as CONTROL_VOTE
from topics.switches import Switches, Vote

READ_TIMEOUT_S: Final = 15.0
"""Longest wait until the control topic is read."""

app = typer.Typer(no_args_is_help=True, help="Flip the switches that every process obeys.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Such as llm.enabled.")]


@app.command("set")
def set_switch(
    name: Name,
    value: Annotated[str, typer.Argument(metavar="VALUE")],
    author: Author,
    note: Note = "",
    data_dir: DataDir = None,
) -> None:
    """Set a switch; in force within 5 s, where no stricter setting stands against it."""
    with typed_by_user():
        spec = find_switch(name)
        key, raw = encode_control(name, spec.parse_text(value), author, note)
    context = open_context(data_dir)
    publish(context.kafka, _topic(context), key, raw)
    with _reading(context) as switches:
        _say_effect(switches, spec)


@app.command("unset")
def unset_switch(name: Name, data_dir: DataDir = None) -> None:
    """Take an order back; environment, file and default decide again."""
    is_skip = name.startswith(SKIP_PREFIX)
    with typed_by_user():
        key = skip_name(parse_place(name.removeprefix(SKIP_PREFIX))) if is_skip else name
        spec = None if is_skip else find_switch(name)
    context = open_context(data_dir)
    publish(context.kafka, _topic(context), key.encode(), None)
    if spec is None:
        say(f"{key} is unset")
        return
    with _reading(context) as switches:
        _say_effect(switches, spec)


@app.command("get")
def get_switch(name: Name, data_dir: DataDir = None, *, as_json: Json = False) -> None:
    """Show what holds for one switch, and what each place says about it."""
    with typed_by_user():
        spec = find_switch(name)
    with _reading(open_context(data_dir)) as switches:
        if as_json:
            print_json(_as_json(switches, spec))
            return
        say(show(switches.value(name)))
        for vote in switches.sources(name):
            say(f"  {_describe(vote)}", style="dim")


@app.command("list")
def list_switches(data_dir: DataDir = None, *, as_json: Json = False) -> None:
    """Show every switch: what holds, who says so and since when; then the records to skip."""
    with _reading(open_context(data_dir)) as switches:
        if as_json:
            print_json([_as_json(switches, spec) for spec in SWITCHES.values()])
            return
        columns = ("switch", "value", "from", "since", "author", "note")
        print_table(columns, [_row(switches, spec) for spec in SWITCHES.values()])
        for place in sorted(switches.skips):
            say(f"{skip_name(place)}: {_reason(switches, place)}")


def _topic(context: CliContext) -> str:
    return full_name(CONTROL, context.settings.topic_prefix)


@contextmanager
def _reading(context: CliContext) -> Iterator[Switches]:
    """Open the switches as every process of these services sees them, read to the end."""
    switches = Switches(context.kafka, _topic(context), context.settings)
    switches.start()
    try:
        switches.reader.require_caught_up(READ_TIMEOUT_S)
        yield switches
    finally:
        switches.stop()


def _say_effect(switches: Switches, spec: SwitchSpec) -> None:
    """Say what holds now, and when another place is stricter than the order just given."""
    decisive, *others = switches.sources(spec.name)
    say(f"{spec.name} = {show(switches.value(spec.name))}")
    for vote in (decisive, *others):
        say(f"  {_describe(vote)}", style="dim")
    overruled = [vote for vote in others if spec.choices and vote.value != decisive.value]
    if any(vote.source == CONTROL_VOTE for vote in overruled):
        say(f"  the stricter one wins: change it in {decisive.source}", style="yellow")


def _describe(vote: Vote) -> str:
    parts = [f"{vote.source}: {show(vote.value)}"]
    if vote.since_ms is not None:
        parts.append(f"since {format_ms(vote.since_ms)} by {vote.author}")
    return ", ".join(parts) + (f" ({vote.note})" if vote.note else "")


def _reason(switches: Switches, place: Place) -> str:
    skip = switches.skip(place)
    return "" if skip is None else f"{skip.reason} ({skip.author}, {format_ms(skip.since_ms)})"


def _row(switches: Switches, spec: SwitchSpec) -> tuple[object, ...]:
    vote = switches.sources(spec.name)[0]
    since = None if vote.since_ms is None else format_ms(vote.since_ms)
    value = show(switches.value(spec.name))
    return (spec.name, value, vote.source, since, vote.author, vote.note or None)


def _as_json(switches: Switches, spec: SwitchSpec) -> dict[str, object]:
    return {
        "name": spec.name,
        "value": switches.value(spec.name),
        "default": spec.default,
        "summary": spec.summary,
        "sources": [vote._asdict() for vote in switches.sources(spec.name)],
    }
