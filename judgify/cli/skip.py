"""`judgify skip`: orders that exactly one record is buried, for it holds its partition."""

from typing import Annotated

import typer

from judgify.cli.author import Author
from judgify.cli.console import say
from judgify.cli.context import DataDir, open_context
from judgify.cli.misuse import typed_by_user
from topics.control_records import Place, encode_control, parse_place, skip_name
from topics.peeking import find_topic, require_record
from topics.publishing import publish
from topics.registry import CONTROL, full_name

app = typer.Typer()


@app.command()
def skip(
    place: Annotated[str, typer.Argument(metavar="TOPIC/PARTITION/OFFSET")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept with the record.")],
    author: Author,
    data_dir: DataDir = None,
) -> None:
    """Bury exactly one record that holds its partition; the others behind it go on.

    `judgify status` names the record. The order is obeyed by whoever holds it, within 5 s.
    """
    context = open_context(data_dir)
    prefix = context.settings.topic_prefix
    with typed_by_user():
        named = parse_place(place)
        target = Place(find_topic(named.topic, prefix), named.partition, named.offset)
        key, value = encode_control(skip_name(target), value=True, author=author, note=reason)
    require_record(context.kafka, target.topic, target.partition, target.offset)
    publish(context.kafka, full_name(CONTROL, prefix), key, value)
    say(f"whoever holds {target.text} will bury it; to take the order back:")
    say(f"  judgify control unset {skip_name(target)}")
