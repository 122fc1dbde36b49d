"""What an answer means that holds no reply: which failure it is, and what to do about it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from agents.llm.dialects import read_answer
from agents.llm.outcome import Exchange, Failure, fail, quote, shorten


def explain_status(exchange: Exchange, model: str) -> Failure:
    """Return the failure that the status says."""
    error = _read_error(exchange.content)
    said = quote(error.get("message"))
    status, tries = exchange.status, exchange.tries
    wait = exchange.retry_after_s
    if error.get("code") == "insufficient_quota" or error.get("type") == "insufficient_quota":
        reason = "the account has no quota left: look at its plan and billing"
        return fail("quota", reason, retry_after_s=wait, tries=tries)
    if status == 429:
        return fail("rate_limited", _too_many(exchange), retry_after_s=wait, tries=tries)
    if status in (401, 403):
        return fail("auth", f"the key is refused ({status}): set OPENAI_API_KEY{said}", tries=tries)
    if status in (408, 409) or status >= 500:
        reason = f"the endpoint answered {status}, tried {tries} times{said}"
        return fail("server_error", reason, retry_after_s=wait, tries=tries)
    return fail("bad_request", _correct(status, error, model) + said, tries=tries)


def explain_content(exchange: Exchange) -> Failure:
    """Return the failure of an answer of status 200 that is no JSON object."""
    what = shorten(exchange.content_type, 40) or "no content type"
    reason = (
        f"the answer is no JSON object ({what}, {len(exchange.content):,} bytes): "
        "is OPENAI_BASE_URL an LLM endpoint?"
    )
    return fail("not_json", reason, tries=exchange.tries)


def find_refused_option(exchange: Exchange, options: Sequence[str]) -> str | None:
    """Return which of `options` the model does not take, where the endpoint says so (400, 422)."""
    if exchange.status not in (400, 422):
        return None
    error = _read_error(exchange.content)
    if error.get("param") in options:
        return str(error["param"])
    named = re.findall(r"['\"`](\w+)['\"`]", str(error.get("message"))[:1_000])
    # The first one: "'max_tokens' is not supported … Use 'max_completion_tokens' instead."
    return next((name for name in named if name in options), None)


def _correct(status: int, error: Mapping[str, Any], model: str) -> str:
    """Return what to correct when the endpoint finds fault with the question."""
    if 300 <= status < 400:
        return f"the endpoint wants to send us elsewhere ({status}): correct OPENAI_BASE_URL"
    if status == 404:
        return f"no such endpoint or model {model} (404): correct OPENAI_BASE_URL or OPENAI_MODEL"
    if _is_about_schema(error):
        return f"{model} cannot answer by a schema ({status}): set another OPENAI_MODEL"
    if status == 413:
        return "the endpoint finds the question too long (413)"
    return f"the endpoint refuses the question ({status})"


def _is_about_schema(error: Mapping[str, Any]) -> bool:
    text = f"{error.get('param')} {error.get('message')}"[:1_000]
    return any(word in text for word in ("response_format", "text.format", "json_schema"))


def _too_many(exchange: Exchange) -> str:
    asks = exchange.retry_after_s
    until = f", for {asks:g} s" if asks else ""
    return f"the endpoint takes no more calls for now (429{until}), tried {exchange.tries} times"


def _read_error(content: bytes) -> Mapping[str, Any]:
    """Return the error object of an answer in either of the usual shapes; {} without one."""
    answer = read_answer(content) or {}
    error = answer.get("error", answer)
    return error if isinstance(error, dict) else {"message": error}
