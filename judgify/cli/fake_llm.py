"""`judgify fake-llm`: a stand-in for an LLM endpoint, for trying out and for tests."""

from pathlib import Path
from typing import Annotated, Final

import typer

from judgify.cli.console import fail, say
from judgify.cli.port_option import parse_port
from judgify.fake_llm.app import make_app
from judgify.fake_llm.script import Script, load_script
from judgify.fake_llm.server import serve
from runtime.settings import load_settings

PORT: Final = 8_099

app = typer.Typer(add_completion=False)


@app.command()
def fake_llm(
    script: Annotated[
        Path | None, typer.Option("--script", help="YAML: latency, faults, answers.")
    ] = None,
    port: Annotated[str, typer.Option(help="Where to listen; `auto` takes a free port.")] = str(
        PORT
    ),
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Answer as an LLM endpoint does, without a model, and say so in every answer."""
    if load_settings().env == "production":
        fail("a stand-in may not judge while ENV=production", "set OPENAI_API_KEY", code=2)
    stand_in = make_app(load_script(script) if script else Script())
    serve(stand_in, host, parse_port(port), lambda bound: _announce(host, bound))


def _announce(host: str, port: int) -> None:
    shown = f"[{host}]" if ":" in host else host
    say(f"a stand-in, no model, answers on http://{shown}:{port}/v1")
