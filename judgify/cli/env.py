"""`judgify env`: the local stack's addresses, as exports for a shell."""

import shlex
from typing import Annotated

import typer

from judgify.cli.console import fail, print_json, say
from judgify.cli.context import DataDir
from judgify.stack.plan import Addresses
from judgify.stack.state import find_data_dir, load_running_state

app = typer.Typer()


@app.command()
def env(
    data_dir: DataDir = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> None:
    """Print `export KAFKA_BOOTSTRAP_SERVERS=…` and the other addresses, with their passwords.

    Where a stand-in for an LLM runs, the OPENAI_… variables lead to it.

    `eval "$(judgify env)"`, and every command and `judgify run NAME` works from anywhere. With the
    addresses comes JUDGIFY_DATA_DIR, by which commands find this stack and its disk.
    """
    found = find_data_dir(data_dir)
    state = load_running_state(found)
    if state is None:
        fail(f"no stack is running in {found}", hint="judgify up")
    addresses = Addresses(
        state.kafka_bootstrap_servers, state.database_url, state.redis_url, state.llm_base_url
    )
    variables = addresses.environment() | {"JUDGIFY_DATA_DIR": str(found)}
    if as_json:
        print_json(variables)
        return
    for name, value in variables.items():
        say(f"export {name}={shlex.quote(value)}")
