"""`judgify healthcheck`: asks a process of this machine how it is, for container engines."""

import http.client
from typing import Annotated, Final, NamedTuple

import orjson
import typer

from judgify.cli.console import fail, say
from judgify.stack.agent import reachable_host
from runtime.settings import Settings, load_settings

ANSWER_TIMEOUT_S: Final = 5.0
BODY_BYTES_MAX: Final = 65_536
"""Whoever sits on that port may not fill our memory."""

app = typer.Typer(add_completion=False)


class Health(NamedTuple):
    """What a process answers; `well` is None when nobody listens there."""

    well: bool | None
    said: str


@app.command()
def healthcheck(
    name: Annotated[
        str | None, typer.Argument(help="The process; by default whichever runs here.")
    ] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65_535, help="Where it listens.")] = None,
    *,
    ready: Annotated[
        bool, typer.Option("--ready", help="Ask whether it works, not only whether it turns.")
    ] = False,
) -> None:
    """Exit 0 when the process is healthy, 1 when it is not or when there is none."""
    settings = load_settings()
    ports = _find_ports(settings)
    if name is not None and name not in ports:
        fail(f"no process is called {name}", f"one of: {', '.join(ports)}", code=2)
    asked = ports if name is None else {name: ports[name]}
    if port is not None:
        asked = {name or "process": port}
    path = "/ready" if ready else "/health"
    answers = {each: ask_health(settings.host, at, path) for each, at in asked.items()}
    _report({each: answer for each, answer in answers.items() if answer.well is not None}, asked)


def ask_health(host: str, port: int, path: str) -> Health:
    """Return what the process on `host:port` answers to `path`."""
    connection = http.client.HTTPConnection(reachable_host(host), port, timeout=ANSWER_TIMEOUT_S)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read(BODY_BYTES_MAX)
    except ConnectionRefusedError:
        return Health(None, "nobody listens")
    except (OSError, http.client.HTTPException) as error:
        return Health(well=False, said=f"no answer on port {port}: {type(error).__name__}")
    finally:
        connection.close()
    if response.status == http.HTTPStatus.OK:
        return Health(well=True, said="ready" if path == "/ready" else "healthy")
    return Health(well=False, said=_problems(body) or f"it answers {response.status}")


def _find_ports(settings: Settings) -> dict[str, int]:
    """Return where each process listens that has a port of its own."""
    names = [name.removesuffix("_port") for name in Settings.model_fields if name.endswith("_port")]
    return {name.replace("_", "-"): settings.port(name) for name in names}


def _report(answers: dict[str, Health], asked: dict[str, int]) -> None:
    if not answers:
        where = ", ".join(f"{port} ({name})" for name, port in asked.items())
        fail(f"no process listens on port {where}", "judgify run NAME")
    for name, answer in answers.items():
        if not answer.well:
            fail(f"{name}: {answer.said}")
        say(f"{name} is {answer.said}")


def _problems(body: bytes) -> str:
    """Return why the process is not ready, as it says itself; empty when it does not."""
    try:
        return "; ".join(str(problem) for problem in orjson.loads(body)["problems"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return ""
