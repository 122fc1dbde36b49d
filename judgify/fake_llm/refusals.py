"""Errors in the protocol's words."""

from typing import NamedTuple

import orjson
from starlette.responses import Response

from judgify.fake_llm.script import Fault
from runtime.setting_model import STAND_IN_MODEL


class Refusal(NamedTuple):
    """What an error says."""

    message: str
    kind: str = "invalid_request_error"
    param: str | None = None
    code: str | None = None


def refuse(status: int, refusal: Refusal, retry_after_s: float | None = None) -> Response:
    """Return an error that asks to be left alone for so long."""
    error = {
        "message": f"{STAND_IN_MODEL}: {refusal.message}",
        "type": refusal.kind,
        "param": refusal.param,
        "code": refusal.code,
    }
    headers = {} if retry_after_s is None else {"retry-after": f"{retry_after_s:g}"}
    body = orjson.dumps({"error": error})
    return Response(body, status, headers=headers, media_type="application/json")


def refuse_on_purpose(fault: Fault) -> Response | None:
    """Return the error that `fault` is; None when it is none."""
    refusals = {
        "rate_limited": (429, Refusal("too many requests", "requests")),
        "quota": (429, Refusal("no quota", "insufficient_quota", code="insufficient_quota")),
        "auth": (401, Refusal("Incorrect API key provided", code="invalid_api_key")),
        "error": (fault.status, Refusal("failed on purpose", "server_error")),
    }
    found = refusals.get(fault.kind)
    return refuse(*found, fault.retry_after_s) if found else None
