"""`judgify send`: one request, or any bytes, from standard input."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer
from pydantic import ValidationError

from judgify.cli.console import fail, note, print_json, say
from judgify.cli.context import CliContext, DataDir, open_context
from judgify.replay.interrupt import catch_interrupt
from judgify.replay.outcomes import Judged, Outcome
from judgify.replay.paste import spell
from judgify.replay.run import Plan
from judgify.replay.sending import Outgoing
from judgify.replay.single import Sent, encode_request, find_judgment_id, send_and_follow
from judgify.replay.wording import describe_burial, describe_judgment
from judgify.stack.disk import find_kafka_disk
from runtime.clock import format_ms
from schemas.decode import parse_json
from schemas.errors import FatalError, MessageError
from schemas.request import Request
from topics.registry import REQUEST_BYTES_MAX

app = typer.Typer()

TIMEOUT_S: Final = 30.0


@app.command()
def send(  # noqa: PLR0913 -- one parameter per option
    *,
    workflow: Annotated[
        str | None, typer.Option("--workflow", help="Id of the workflow that judges.")
    ] = None,
    request_id: Annotated[
        str | None, typer.Option(help="Identity of the request; the agent makes one if absent.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="Record key: the thing judged. The request id if absent.")
    ] = None,
    tenant: Annotated[str | None, typer.Option(help="Whose request; `default` if absent.")] = None,
    method: Annotated[str | None, typer.Option(help="rule, hybrid or llm.")] = None,
    deadline_ms: Annotated[
        int | None, typer.Option(help="A verdict after so many milliseconds is of no use.")
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Not a test: actions follow.")] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="Send the bytes as they are, whatever they are.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for what becomes of it.")] = False,
    timeout_s: Annotated[
        float, typer.Option("--timeout", min=0, help="Longest wait, seconds.")
    ] = TIMEOUT_S,
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Send the JSON object on standard input as one event to be judged."""
    context = open_context(data_dir)
    envelope = {
        "workflow_id": workflow,
        "request_id": request_id,
        "tenant": tenant,
        "method": method,
        "deadline_ms": deadline_ms,
    }
    request = None if raw else make_request(envelope, read_stdin(), is_test=not live)
    if request is None:
        refuse_envelope(envelope, live=live)
    outgoing = make_outgoing(request, key)
    plan = make_plan(context, wait=wait, timeout_s=timeout_s)
    with catch_interrupt() as stop:
        sent, outcome = send_and_follow(plan, outgoing, stop=stop)
    if as_json:
        print_json(make_report(request, sent, outcome))
    else:
        for line in describe(request, sent, outcome, context.data_dir):
            say(line)
    if wait and outcome is None:
        fail(f"no outcome after {timeout_s:g} s", hint=spell("status", data_dir=context.data_dir))


def make_plan(context: CliContext, *, wait: bool, timeout_s: float) -> Plan:
    """Return how one record is sent, and how long its outcome is waited for."""
    prefix, disk = context.settings.topic_prefix, find_kafka_disk(context.settings)
    return Plan(context.kafka, prefix, wait=wait, timeout_s=timeout_s, disk=disk)


def make_outgoing(request: Request | None, key: str | None) -> Outgoing:
    """Return the record: the request, or standard input as it is when there is none."""
    if request is None:
        return Outgoing(key.encode() if key else None, read_stdin())
    chosen = key or request.request_id
    return Outgoing(chosen.encode() if chosen else None, encode_request(request))


def read_stdin() -> bytes:
    """Return what is on standard input.

    Raises:
        FatalError: more than the request topic takes.
    """
    if sys.stdin.isatty():
        note("reading from the terminal; Ctrl-D ends it")
    value = sys.stdin.buffer.read(REQUEST_BYTES_MAX + 1)
    if len(value) > REQUEST_BYTES_MAX:
        raise FatalError(f"standard input holds more than {REQUEST_BYTES_MAX} bytes")
    return value


def make_request(envelope: Mapping[str, Any], event: bytes, *, is_test: bool) -> Request:
    """Return the request; what the envelope leaves open (None) is left open.

    Raises:
        MessageError: the event is not JSON that would be read; `--raw` sends it all the same.
        FatalError: an option, or the event as a whole, is not what a request may hold.
    """
    given = {name: value for name, value in envelope.items() if value is not None}
    if "workflow_id" not in given:
        raise FatalError("--workflow ID is missing: which workflow is to judge?")
    try:
        input_data = parse_json(event)
    except MessageError as error:
        raise MessageError(error.code, f"{error.reason}; --raw sends it all the same") from error
    try:
        return Request.model_validate({**given, "input_data": input_data, "test": is_test})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = str(first["loc"][0])
        raise FatalError(f"{_OPTIONS.get(name, name)}: {first['msg']}") from None


_OPTIONS: Final = {
    "workflow_id": "--workflow",
    "request_id": "--request-id",
    "tenant": "--tenant",
    "method": "--method",
    "deadline_ms": "--deadline-ms",
    "input_data": "the event on standard input",
}


def refuse_envelope(envelope: Mapping[str, Any], *, live: bool) -> None:
    """Refuse options that have no place in raw bytes.

    Raises:
        FatalError: names the first such option.
    """
    given = [_OPTIONS[name] for name, value in envelope.items() if value is not None]
    given += ["--live"] if live else []
    if given:
        raise FatalError(f"{given[0]} has no place in --raw: the bytes are the whole record")


def make_report(request: Request | None, sent: Sent, outcome: Outcome | None) -> dict[str, Any]:
    """Return what `--json` prints."""
    return {
        "topic": sent.topic,
        "partition": sent.partition,
        "offset": sent.offset,
        "timestamp": sent.timestamp_ms,
        "judgment_id": request and find_judgment_id(request, sent),
        "judgment": orjson.loads(outcome.value) if isinstance(outcome, Judged) else None,
        "dead_letter": None
        if outcome is None or isinstance(outcome, Judged)
        else {"agent": outcome.agent, "code": outcome.code, "reason": outcome.reason},
    }


def describe(
    request: Request | None, sent: Sent, outcome: Outcome | None, data_dir: Path
) -> Iterator[str]:
    """Yield where it went, what became of it, and where to look it up."""
    at = format_ms(sent.timestamp_ms)
    yield f"sent to {sent.topic}/{sent.partition} offset {sent.offset} at {at}"
    if isinstance(outcome, Judged):
        yield from describe_judgment(orjson.loads(outcome.value))
    elif outcome is not None:
        yield from describe_burial(outcome)
    if request is not None:
        judgment_id = find_judgment_id(request, sent)
        yield f"its judgment: {spell('judgments', 'show', judgment_id, data_dir=data_dir)}"
    if request is None or (outcome is not None and not isinstance(outcome, Judged)):
        listing = spell("dead-letters", "list", data_dir=data_dir)
        yield f"what cannot be read as a request is buried: {listing}"
