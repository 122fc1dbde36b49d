"""A question to an LLM: ours beside the bare SDK's, taking turns, against the same stand-in.

`python -m bench.llm_endpoint`: needs no service. Milliseconds of one call, processor time of our
process per call, and so how many calls one core makes. All of it on one connection; the last line
asks sixteen at a time, as llm-agent does.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from typing import Any, Final, Literal

from openai import AsyncOpenAI
from pydantic import BaseModel

from agents.llm.endpoint import Endpoint, open_endpoint
from agents.llm.outcome import Reply
from agents.llm.sdk import strict_schema
from runtime.settings import load_settings
from tests.support.stand_in_llm import run_stand_in_llm

CALLS: Final = 400
WARM_UP: Final = 20
AT_A_TIME: Final = 16
SYSTEM: Final = "You judge one event for a rule engine. " * 60
USER: Final = "The event is a reading of a machine. " * 40
LEFT_S: Final = 30.0

Ask = Callable[[], Awaitable[Any]]


class Verdict(BaseModel):
    """The answer that is asked for."""

    verdict: Literal["fail", "ok"]
    confidence: float
    reasons: list[str]


def make_ways(bare: AsyncOpenAI, endpoint: Endpoint) -> dict[str, Ask]:
    """Return the ways to ask the same question."""
    said: Any = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": USER}]
    known: Any = {"model": "m", "input": said, "store": False, "temperature": 0.3}
    form: Any = {
        "type": "json_schema",
        "name": "a",
        "strict": True,
        "schema": strict_schema(Verdict),
    }

    async def parse() -> None:
        await bare.responses.parse(**known, max_output_tokens=1_000, text_format=Verdict)

    async def create() -> None:
        await bare.responses.create(**known, max_output_tokens=1_000, text={"format": form})

    async def ours() -> None:
        reply = await endpoint.ask(SYSTEM, USER, Verdict, LEFT_S)
        if not isinstance(reply, Reply):
            raise SystemExit(f"the stand-in did not answer: {reply.reason}")

    return {"SDK, responses.parse": parse, "SDK, responses.create": create, "Endpoint.ask": ours}


async def take_turns(ways: dict[str, Ask]) -> None:
    """Print what each way takes; each call of one is followed by one of the next."""
    latencies_ms: dict[str, list[float]] = {name: [] for name in ways}
    cpu_s = dict.fromkeys(ways, 0.0)
    for number in range(WARM_UP + CALLS):
        for name, ask in ways.items():
            started_s, before_s = time.perf_counter(), time.process_time()
            await ask()
            if number >= WARM_UP:
                latencies_ms[name].append((time.perf_counter() - started_s) * 1_000)
                cpu_s[name] += time.process_time() - before_s
    for name in ways:
        print(
            f"{name:22} p50 {median(latencies_ms[name]):6.2f} ms, "
            f"{cpu_s[name] / CALLS * 1_000:5.2f} ms of CPU, {CALLS / cpu_s[name]:4.0f}/s per core"
        )
    *peers, ours = ways
    for peer in peers:
        pairs = zip(latencies_ms[ours], latencies_ms[peer], strict=True)
        print(f"{ours} beyond {peer}: p50 {median(a - b for a, b in pairs):+.2f} ms")


async def ask_many(ask: Ask) -> None:
    """Print the rate of sixteen at a time."""
    gate = asyncio.Semaphore(AT_A_TIME)

    async def ask_once() -> None:
        async with gate:
            await ask()

    started_s, before_s = time.perf_counter(), time.process_time()
    await asyncio.gather(*(ask_once() for _ in range(CALLS)))
    cpu_s = time.process_time() - before_s
    wall_s = time.perf_counter() - started_s
    print(f"{AT_A_TIME} at a time: {CALLS / wall_s:.0f}/s, {CALLS / cpu_s:.0f}/s per core")


async def measure(base_url: str) -> None:
    """Measure against the stand-in at `base_url`."""
    known = {"openai_base_url": base_url, "openai_model": "m"}
    settings = load_settings(known, environment={}, dotenv=Path("/nonexistent/.env"))
    endpoint = open_endpoint(settings)
    bare = AsyncOpenAI(api_key="any", base_url=base_url, max_retries=0)
    ways = make_ways(bare, endpoint)
    await take_turns(ways)
    await ask_many(ways["Endpoint.ask"])
    await endpoint.close()
    await bare.close()


if __name__ == "__main__":
    with run_stand_in_llm() as stand_in:
        asyncio.run(measure(stand_in.base_url))
