"""The endpoint against a stand-in that fails in every way: bounded in time and memory, no raise."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel

from agents.llm.endpoint import Endpoint, open_endpoint
from agents.llm.outcome import Failure, Reply
from runtime.settings import load_settings
from tests.support.stand_in_llm import StandInLlm, run_stand_in_llm

CALL_TIMEOUT_S = 0.6
LEFT_S = 2.0
SLACK_S = 1.5
"""For a busy machine; every hang and drip below would take minutes by itself."""


class Verdict(BaseModel):
    verdict: Literal["ok", "fail"]
    confidence: float
    reasons: list[str]


@pytest.fixture(scope="module")
def stand_in() -> Iterator[StandInLlm]:
    with run_stand_in_llm() as running:
        yield running


BOTH_APIS = pytest.mark.parametrize("api", ["responses", "chat"])


@pytest.fixture
def api() -> str:
    return "responses"


def open_here(base_url: str, **settings: Any) -> Endpoint:
    known = {
        "openai_base_url": base_url,
        "openai_model": "some-model",
        "llm_call_timeout_s": CALL_TIMEOUT_S,
        **settings,
    }
    return open_endpoint(load_settings(known, environment={}, dotenv=Path("/nonexistent/.env")))


@pytest.fixture
async def endpoint(stand_in: StandInLlm, api: str) -> AsyncIterator[Endpoint]:
    stand_in.follow()
    endpoint = open_here(stand_in.base_url, llm_api=api)
    yield endpoint
    await endpoint.close()


async def ask(endpoint: Endpoint, left_s: float = LEFT_S) -> Reply | Failure:
    return await endpoint.ask("judge", "the event", Verdict, left_s)


@BOTH_APIS
async def test_a_reply_keeps_the_schema_and_says_who_answered(endpoint: Endpoint) -> None:
    reply = await ask(endpoint, 10)

    assert isinstance(reply, Reply)
    assert Verdict.model_validate_json(reply.text).verdict in ("ok", "fail")
    assert reply.model == "judgify-fake"
    assert reply.usage.tokens_in == 5
    assert not reply.usage.estimated
    assert reply.tries == 1


@BOTH_APIS
async def test_what_is_asked_is_bounded_enforced_and_not_stored(
    endpoint: Endpoint, stand_in: StandInLlm, api: str
) -> None:
    await ask(endpoint)

    body = stand_in.bodies()[-1]
    assert (body["temperature"], body["store"]) == (0.3, False)
    assert body["max_output_tokens" if api == "responses" else "max_tokens"] == 1_000
    form = body["text"]["format"] if api == "responses" else body["response_format"]["json_schema"]
    assert form["strict"] is True
    assert form["schema"]["additionalProperties"] is False


@pytest.mark.parametrize(
    ("fault", "kind", "told"),
    [
        ({"kind": "error"}, "server_error", "answered 500, tried 3 times"),
        ({"kind": "rate_limited"}, "rate_limited", "429"),
        ({"kind": "quota"}, "quota", "billing"),
        ({"kind": "auth"}, "auth", "OPENAI_API_KEY"),
        ({"kind": "error", "status": 404}, "bad_request", "OPENAI_MODEL"),
        ({"kind": "redirect"}, "bad_request", "elsewhere (307)"),
        ({"kind": "hang"}, "timeout", "no whole answer"),
        ({"kind": "drip"}, "timeout", "no whole answer"),
        ({"kind": "reset"}, "unreachable", "tried 3 times"),
        ({"kind": "truncated"}, "unreachable", "tried"),
        ({"kind": "html"}, "not_json", "text/html"),
        ({"kind": "garbage"}, "not_json", "no JSON object"),
        ({"kind": "huge"}, "too_large", "1,048,576"),
        ({"kind": "gzip_bomb"}, "too_large", "1,048,576"),
    ],
)
async def test_every_fault_ends_in_time_as_a_failure_that_says_what(
    endpoint: Endpoint, stand_in: StandInLlm, fault: dict[str, Any], kind: str, told: str
) -> None:
    stand_in.follow(faults=[fault])
    started_s = time.monotonic()

    failure = await ask(endpoint)

    assert isinstance(failure, Failure)
    assert (failure.kind, told in failure.reason) == (kind, True), failure
    assert time.monotonic() - started_s < LEFT_S + SLACK_S
    assert 1 <= failure.tries <= 3
    assert stand_in.calls()["total"] <= 3
    stand_in.wait_until_idle()


@BOTH_APIS
@pytest.mark.parametrize(
    ("fault", "kind", "told"),
    [
        ("empty_choices", "empty", "no reply"),
        ("refusal", "refused", "as its script says"),
        ("incomplete", "incomplete", "JUDGIFY_LLM_MAX_TOKENS"),
    ],
)
async def test_an_answer_without_a_reply_says_why_and_what_it_cost(
    endpoint: Endpoint, stand_in: StandInLlm, fault: str, kind: str, told: str
) -> None:
    stand_in.fail(fault)

    failure = await ask(endpoint)

    assert isinstance(failure, Failure)
    assert (failure.kind, failure.tries) == (kind, 1)
    assert told in failure.reason
    assert failure.usage is not None
    assert failure.usage.tokens_in == 5


@pytest.mark.parametrize("kind", ["nan", "unknown_verdict"])
async def test_a_reply_without_sense_is_handed_on_as_it_is(
    endpoint: Endpoint, stand_in: StandInLlm, kind: str
) -> None:
    stand_in.fail(kind)

    reply = await ask(endpoint)

    assert isinstance(reply, Reply), "whoever checks answers refuses it"


async def test_a_fault_that_passes_is_waited_out(endpoint: Endpoint, stand_in: StandInLlm) -> None:
    stand_in.fail("rate_limited", until=2, retry_after_s=0.01)

    reply = await ask(endpoint, 10)

    assert isinstance(reply, Reply)
    assert reply.tries == 3


async def test_retry_after_is_honoured_while_there_is_time(
    endpoint: Endpoint, stand_in: StandInLlm
) -> None:
    stand_in.fail("rate_limited", until=1, retry_after_s=1)

    reply = await ask(endpoint, 10)

    assert isinstance(reply, Reply)
    assert reply.latency_ms >= 1_000


async def test_what_should_wait_longer_than_there_is_time_fails_at_once(
    endpoint: Endpoint, stand_in: StandInLlm
) -> None:
    stand_in.fail("rate_limited", retry_after_s=60)
    started_s = time.monotonic()

    failure = await ask(endpoint, 20)

    assert isinstance(failure, Failure)
    assert (failure.kind, failure.retry_after_s, failure.tries) == ("rate_limited", 60, 1)
    assert time.monotonic() - started_s < SLACK_S


async def test_an_empty_account_is_not_asked_again(
    endpoint: Endpoint, stand_in: StandInLlm
) -> None:
    stand_in.fail("quota")

    await ask(endpoint, 20)

    assert stand_in.calls()["total"] == 1


@pytest.mark.parametrize(
    ("fault", "lost"), [("hang", 3), ("truncated", 3), ("huge", 1), ("error", 0), ("html", 0)]
)
async def test_tries_that_may_cost_money_for_nothing_are_counted(
    stand_in: StandInLlm, fault: str, lost: int
) -> None:
    stand_in.fail(fault)
    endpoint = open_here(stand_in.base_url, llm_call_timeout_s=0.2)

    failure = await ask(endpoint, 8)
    await endpoint.close()

    assert isinstance(failure, Failure)
    assert failure.lost_tries == lost


async def test_a_reply_after_a_lost_try_counts_both(stand_in: StandInLlm) -> None:
    stand_in.fail("truncated", until=1)
    endpoint = open_here(stand_in.base_url)

    reply = await ask(endpoint, 10)
    await endpoint.close()

    assert isinstance(reply, Reply)
    assert (reply.tries, reply.lost_tries) == (2, 1)


async def test_without_time_nothing_is_sent(endpoint: Endpoint, stand_in: StandInLlm) -> None:
    failure = await ask(endpoint, 0.0)

    assert isinstance(failure, Failure)
    assert (failure.kind, failure.tries) == ("timeout", 0)
    assert stand_in.calls()["total"] == 0


@BOTH_APIS
async def test_what_a_model_does_not_take_is_left_out_from_then_on(
    endpoint: Endpoint, stand_in: StandInLlm, api: str
) -> None:
    limit = "max_output_tokens" if api == "responses" else "max_tokens"
    stand_in.follow(refuses=["temperature", limit])

    first, second = await ask(endpoint, 10), await ask(endpoint, 10)

    assert isinstance(first, Reply)
    assert isinstance(second, Reply)
    assert (first.tries, second.tries) == (3, 1)
    assert endpoint.refused == {"temperature", limit}
    body = stand_in.bodies()[-1]
    assert not {"temperature", limit} & body.keys()
    assert api == "responses" or body["max_completion_tokens"] == 1_000


@BOTH_APIS
async def test_a_model_without_schemas_is_named(endpoint: Endpoint, stand_in: StandInLlm) -> None:
    stand_in.follow(refuses=["schema"])

    failure = await ask(endpoint)

    assert isinstance(failure, Failure)
    assert "some-model cannot answer by a schema" in failure.reason


async def test_a_cancelled_call_leaves_nothing_behind(
    endpoint: Endpoint, stand_in: StandInLlm
) -> None:
    stand_in.fail("hang")
    before = asyncio.all_tasks()
    asking = asyncio.ensure_future(ask(endpoint, 30))
    while stand_in.calls()["in_flight"] == 0:  # noqa: ASYNC110 -- it is another process
        await asyncio.sleep(0.01)
    started_s = time.monotonic()

    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    assert time.monotonic() - started_s < 0.5
    assert asyncio.all_tasks() == before
    stand_in.wait_until_idle()
    stand_in.follow()
    assert isinstance(await ask(endpoint, 10), Reply), "the pool still works"


async def test_many_questions_share_few_connections(stand_in: StandInLlm) -> None:
    stand_in.follow(latency={"fixed_ms": 20})
    endpoint = open_here(stand_in.base_url, llm_concurrency=4, llm_call_timeout_s=30)

    replies = await asyncio.gather(*(ask(endpoint, 30) for _ in range(40)))
    await endpoint.close()

    assert all(isinstance(reply, Reply) for reply in replies)


async def test_a_proxy_of_the_environment_is_not_used(
    stand_in: StandInLlm, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in.follow()
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    endpoint = open_here(stand_in.base_url)

    reply = await ask(endpoint, 10)
    await endpoint.close()

    assert isinstance(reply, Reply)


async def test_nobody_listening_is_said_with_the_address() -> None:
    endpoint = open_here("http://127.0.0.1:9/v1")

    failure = await ask(endpoint, 0.3)
    await endpoint.close()

    assert isinstance(failure, Failure)
    assert (failure.kind, failure.lost_tries) == ("unreachable", 0)
    assert "http://127.0.0.1:9/v1" in failure.reason


RSS_SCRIPT = """
import asyncio, re, sys
from pathlib import Path
from tests.integration.test_llm_endpoint import ask, open_here

def peak_kib() -> int:
    return int(re.search("VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

async def main() -> None:
    endpoint = open_here(sys.argv[1], llm_call_timeout_s=20)
    await ask(endpoint, 20)
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    before = peak_kib()
    failures = await asyncio.gather(*(ask(endpoint, 20) for _ in range(8)))
    await endpoint.close()
    print(*{failure.kind for failure in failures})
    print(peak_kib() - before)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_eight_huge_answers_at_once_take_little_memory(stand_in: StandInLlm) -> None:
    huge, bomb = {"kind": "huge", "on": [2, 3, 4, 5]}, {"kind": "gzip_bomb", "on": [6, 7, 8, 9]}
    stand_in.follow(faults=[huge, bomb])

    done = subprocess.run(
        [sys.executable, "-c", RSS_SCRIPT, stand_in.base_url],
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )

    kinds, grown_kib = done.stdout.split()
    print(f"{int(grown_kib):,} KiB more")
    assert kinds == "too_large"
    assert stand_in.calls()["faults"] == {"huge": 4, "gzip_bomb": 4}
    assert int(grown_kib) < 24 * 1_024, "eight answers of 50 MB, each read to 1 MiB"
