"""Whatever an endpoint sends, asking it ends as a reply or a failure, and trusts no header."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any, Literal

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from agents.llm.dialects import DIALECTS, Api, Ask, read_answer
from agents.llm.endpoint import Endpoint, Manner, open_endpoint
from agents.llm.outcome import REASON_CHARS_MAX, Exchange, Failure, Reply, fail, read_usage
from agents.llm.sdk import SdkClient, strict_schema
from agents.llm.statuses import explain_content, explain_status, find_refused_option
from agents.llm.transport import BODY_BYTES_MAX
from runtime.settings import load_settings
from schemas.errors import FatalError

URL = "http://llm.test/v1"
KEY = "sk-Zq7a8b9c0d1e2f3g4h5"
ASK = Ask("some-model", "judge", "the event", {}, 1_000, 0.3)
APIS: tuple[Api, ...] = ("responses", "chat")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
WORDS = [
    "output",
    "type",
    "message",
    "content",
    "output_text",
    "text",
    "refusal",
    "status",
    "incomplete",
    "incomplete_details",
    "reason",
    "usage",
    "input_tokens",
    "output_tokens",
    "choices",
    "finish_reason",
    "length",
    "error",
    "model",
]
NEAR_MISSES = st.recursive(
    st.sampled_from([None, True, -1, 0.5, "", *WORDS]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner),
    max_leaves=8,
)
Serve = Callable[[httpx2.Request], httpx2.Response]


class Verdict(BaseModel):
    verdict: Literal["ok", "fail"]


def open_over(serve: Serve, api: Api = "responses", key: str = KEY) -> Endpoint:
    client = SdkClient(URL, key, httpx2.MockTransport(serve), 0.2)
    return Endpoint(client, Manner("some-model", api, 1_000, 0.3))


def ask_once(serve: Serve, api: Api = "responses", left_s: float = 0.3) -> Reply | Failure:
    async def ask() -> Reply | Failure:
        endpoint = open_over(serve, api)
        try:
            return await endpoint.ask("judge", "the event", Verdict, left_s)
        finally:
            await endpoint.close()

    return asyncio.run(ask())


def response_of(text: str, **members: Any) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text}]
    return {"output": [{"type": "message", "content": content}], **members}


@given(
    status=st.sampled_from([200, 200, 204, 301, 400, 401, 404, 422]),
    content=st.binary(max_size=64) | JSON.map(lambda value: json.dumps(value).encode()),
    headers=st.dictionaries(
        st.sampled_from(
            ["content-type", "content-encoding", "location", "retry-after", "x-should-retry"]
        ),
        st.sampled_from(["gzip", "br", "application/json; charset=nonsense", "-1", "true", "\xff"]),
    ),
)
def test_no_answer_of_any_kind_raises(status: int, content: bytes, headers: dict[str, str]) -> None:
    encoded = {name.encode(): value.encode("latin-1") for name, value in headers.items()}

    def serve(_: httpx2.Request) -> httpx2.Response:
        stream = httpx2.ByteStream(content)
        return httpx2.Response(status, headers=encoded, stream=stream)

    outcome = ask_once(serve)

    assert isinstance(outcome, Reply | Failure)


@pytest.mark.parametrize("api", APIS)
@given(answer=st.dictionaries(st.sampled_from(WORDS), NEAR_MISSES))
def test_no_document_of_any_shape_raises(api: Api, answer: dict[str, Any]) -> None:
    outcome = DIALECTS[api].read(answer, ASK)

    assert isinstance(outcome, Reply | Failure)
    if isinstance(outcome, Reply):
        assert outcome.text.strip()
        assert outcome.usage.tokens_in >= 0


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        ({"in": 7, "out": 3}, (7, 3, False)),
        ({"in": 7}, (4, 2, True)),
        ({"in": -1, "out": 3}, (4, 2, True)),
        ({"in": True, "out": 3}, (4, 2, True)),
        ({"in": 7.0, "out": 3}, (4, 2, True)),
        ({"in": 10**12, "out": 3}, (4, 2, True)),
        (None, (4, 2, True)),
        ([], (4, 2, True)),
    ],
)
def test_what_cannot_be_a_count_is_estimated(usage: Any, counts: tuple[int, int, bool]) -> None:
    read = read_usage(usage, ("in", "out"), (10, 5))

    assert (read.tokens_in, read.tokens_out, read.estimated) == counts


@pytest.mark.parametrize("name", ["x" * 129, "a b", "", None, 7, "<b>", "모델"])
def test_a_model_calls_itself_by_a_name_or_by_ours(name: Any) -> None:
    outcome = DIALECTS["responses"].read(response_of("{}", model=name), ASK)

    assert isinstance(outcome, Reply)
    assert outcome.model == "some-model"


def test_a_reason_is_masked_on_one_line_and_short() -> None:
    said = f"key {KEY}\n\x1b[31m{chr(0x202E)}{'x' * 5_000}"
    content = json.dumps({"error": {"message": said}}).encode()

    reason = explain_status(Exchange(401, content, "", None, 1), "some-model").reason

    assert KEY not in reason
    assert reason.isprintable()
    assert len(reason) <= REASON_CHARS_MAX
    assert len(fail("empty", "y" * 5_000).reason) == REASON_CHARS_MAX


@pytest.mark.parametrize(
    ("status", "error", "kind", "told"),
    [
        (401, {"message": "no"}, "auth", "OPENAI_API_KEY"),
        (403, "no", "auth", "(403)"),
        (404, {}, "bad_request", "OPENAI_MODEL"),
        (413, {}, "bad_request", "too long"),
        (418, {}, "bad_request", "(418)"),
        (302, {}, "bad_request", "OPENAI_BASE_URL"),
        (400, {"param": "text.format"}, "bad_request", "cannot answer by a schema"),
        (429, {"message": "slow"}, "rate_limited", "429, for 3 s"),
        (429, {"code": "insufficient_quota"}, "quota", "billing"),
        (408, {}, "server_error", "408"),
        (503, {"message": "busy"}, "server_error", '"busy"'),
    ],
)
def test_a_status_says_what_to_do(status: int, error: Any, kind: str, told: str) -> None:
    content = json.dumps({"error": error}).encode()

    failure = explain_status(Exchange(status, content, "", 3.0, 2), "some-model")

    assert (failure.kind, told in failure.reason) == (kind, True), failure.reason


@pytest.mark.parametrize(
    ("error", "option"),
    [
        ({"param": "temperature", "message": "no"}, "temperature"),
        ({"message": "'max_tokens' is not supported. Use 'max_other' instead."}, "max_tokens"),
        ({"message": "Use `temperature` of 1"}, "temperature"),
        ({"message": "temperature"}, None),
        ({"param": "model", "message": "'model' is unknown"}, None),
        ({"message": 7}, None),
    ],
)
def test_an_option_is_refused_by_its_name(error: Any, option: str | None) -> None:
    exchange = Exchange(400, json.dumps({"error": error}).encode(), "", None, 1)

    assert find_refused_option(exchange, ["temperature", "max_tokens"]) == option


def test_no_option_is_refused_by_another_status() -> None:
    content = json.dumps({"error": {"param": "temperature"}}).encode()

    assert find_refused_option(Exchange(500, content, "", None, 1), ["temperature"]) is None


@pytest.mark.parametrize("status", [400, 401, 429, 500])
async def test_a_key_that_the_endpoint_quotes_stands_in_no_reason(status: int) -> None:
    key = "0123456789abcdef0123456789abcdef"
    endpoint = open_over(
        lambda request: httpx2.Response(
            status,
            json={"error": {"message": f"no such key: {request.headers['authorization'][7:]}"}},
        ),
        key=key,
    )

    failure = await endpoint.list_models(1.0)
    await endpoint.close()

    assert isinstance(failure, Failure)
    assert key not in failure.reason


def test_a_page_is_no_answer() -> None:
    failure = explain_content(Exchange(200, b"<html>", "text/html", None, 1))

    assert (failure.kind, "text/html" in failure.reason) == ("not_json", True)
    assert read_answer(b"[1]") is None
    assert read_answer(b'{"a": NaN}') is None


def test_the_endpoint_cannot_order_tries_nor_plant_cookies() -> None:
    seen: list[httpx2.Request] = []

    def serve(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(
            400, headers={"x-should-retry": "true", "set-cookie": "a=b", "retry-after": "0"}
        )

    assert isinstance(ask_once(serve), Failure)
    assert len(seen) == 1
    assert ask_once(serve).tries == 1
    assert all("cookie" not in request.headers for request in seen)
    assert seen[0].headers["accept-encoding"] == "identity"


def test_a_redirect_is_not_followed_with_the_key() -> None:
    hosts: list[str] = []

    def serve(request: httpx2.Request) -> httpx2.Response:
        hosts.append(request.url.host)
        return httpx2.Response(307, headers={"location": "http://evil.test/"})

    assert isinstance(ask_once(serve), Failure)
    assert hosts == ["llm.test"]


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "1e9"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Sat, 21 Nov 2026 20:00:09 GMT"}, None),
        (
            {
                "date": "Sat, 21 Nov 2026 20:00:00 GMT",
                "retry-after": "Sat, 21 Nov 2026 20:00:09 GMT",
            },
            9,
        ),
    ],
)
def test_a_wait_is_read_where_it_is_one(headers: dict[str, str], wait_s: float | None) -> None:
    failure = ask_once(lambda _: httpx2.Response(429, headers=headers), left_s=0.05)

    assert isinstance(failure, Failure)
    assert (failure.kind, failure.retry_after_s) == ("rate_limited", wait_s)


def test_an_answer_of_just_the_cap_is_read() -> None:
    body = json.dumps(response_of("a")).encode()
    padded = body + b" " * (BODY_BYTES_MAX - len(body))

    whole = ask_once(lambda _: httpx2.Response(200, stream=httpx2.ByteStream(padded)))
    longer = ask_once(lambda _: httpx2.Response(200, stream=httpx2.ByteStream(padded + b" ")))

    assert isinstance(whole, Reply)
    assert isinstance(longer, Failure)
    assert longer.kind == "too_large"


@pytest.mark.parametrize("status", ["failed", None])
def test_a_failure_inside_an_answer_is_the_endpoints(status: str | None) -> None:
    failure = DIALECTS["responses"].read({"status": status, "error": {"message": "m"}}, ASK)

    assert isinstance(failure, Failure)
    assert (failure.kind, '"m"' in failure.reason) == ("server_error", True)


@pytest.mark.parametrize("end", [[], ["length"], {}, {"length": 1}, 1, None])
def test_a_reason_to_stop_may_be_anything(end: Any) -> None:
    choice = {"message": {"content": "a"}, "finish_reason": end}
    cut = response_of("a", status="incomplete", incomplete_details={"reason": end})

    assert isinstance(DIALECTS["chat"].read({"choices": [choice]}, ASK), Reply)
    assert isinstance(DIALECTS["responses"].read(cut, ASK), Reply)


def test_models_are_listed_by_their_names() -> None:
    async def list_models(answer: Any) -> tuple[str, ...] | Failure:
        endpoint = open_over(lambda _: httpx2.Response(200, json=answer))
        try:
            return await endpoint.list_models(1)
        finally:
            await endpoint.close()

    assert asyncio.run(list_models({"data": [{"id": "a"}, {"id": 7}, "b"]})) == ("a",)
    assert asyncio.run(list_models({"data": 7})) == ()
    assert isinstance(asyncio.run(list_models([])), Failure)


def test_without_a_model_there_is_no_endpoint() -> None:
    settings = load_settings({}, environment={})

    with pytest.raises(FatalError, match="OPENAI_MODEL"):
        open_endpoint(settings)


def test_a_schema_is_made_once_and_strict() -> None:
    assert strict_schema(Verdict) is strict_schema(Verdict)
    assert strict_schema(Verdict)["additionalProperties"] is False


def test_whoever_names_an_endpoint_does_not_load_the_sdk() -> None:
    code = "import sys, agents.llm.endpoint; print({'openai', 'httpx2'} & set(sys.modules))"

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )

    assert done.stdout == "set()\n"
