"""Rules over several settings, tried when each of them is valid by itself."""

from collections.abc import Callable
from typing import Final, NamedTuple

from pydantic import SecretStr

from runtime import addresses
from runtime.setting_model import STAND_IN_MODEL, Settings


class CrossCheck(NamedTuple):
    """One such rule."""

    fields: tuple[str, ...]
    broken: Callable[[Settings], bool]
    message: str


def _lacks_password(url: SecretStr | None) -> bool:
    return url is not None and not addresses.carries_credentials(url.get_secret_value())


CROSS_CHECKS: Final = (
    CrossCheck(
        ("drain_timeout_s", "shutdown_timeout_s"),
        lambda s: s.drain_timeout_s >= s.shutdown_timeout_s,
        "JUDGIFY_DRAIN_TIMEOUT_S must be below JUDGIFY_SHUTDOWN_TIMEOUT_S: "
        "committing and leaving the group take time too",
    ),
    CrossCheck(
        ("revoke_timeout_s", "drain_timeout_s"),
        lambda s: s.revoke_timeout_s > s.drain_timeout_s,
        "JUDGIFY_REVOKE_TIMEOUT_S must not exceed JUDGIFY_DRAIN_TIMEOUT_S",
    ),
    CrossCheck(
        ("stream_poll_records", "stream_backlog_records"),
        lambda s: s.stream_poll_records > s.stream_backlog_records,
        "JUDGIFY_STREAM_POLL_RECORDS must not exceed JUDGIFY_STREAM_BACKLOG_RECORDS",
    ),
    CrossCheck(
        ("env", "profile"),
        lambda s: s.env == "production" and s.profile != "production",
        "JUDGIFY_PROFILE must be production while ENV is: "
        "the local profile keeps one copy of each record",
    ),
    CrossCheck(
        ("env", "failpoint"),
        lambda s: s.env == "production" and s.failpoint is not None,
        "JUDGIFY_FAILPOINT is set while ENV=production: it makes processes fail on purpose",
    ),
    CrossCheck(
        ("env", "database_url"),
        lambda s: s.env == "production" and _lacks_password(s.database_url),
        "DATABASE_URL carries no password while ENV=production: "
        "set POSTGRES_PASSWORD (with DB_HOST), or put it into the URL",
    ),
    CrossCheck(
        ("env", "redis_url", "redis_enabled"),
        lambda s: s.env != "development" and s.redis_enabled and _lacks_password(s.redis_url),
        "REDIS_URL carries no password outside ENV=development: "
        "set REDIS_PASSWORD (with REDIS_HOST), or REDIS_ENABLED=false",
    ),
    CrossCheck(
        ("env", "openai_model"),
        lambda s: s.env == "production" and s.openai_model == STAND_IN_MODEL,
        f"OPENAI_MODEL is {STAND_IN_MODEL} while ENV=production: it is a stand-in and no model",
    ),
    CrossCheck(
        ("llm_call_timeout_s", "llm_total_timeout_s"),
        lambda s: s.llm_call_timeout_s > s.llm_total_timeout_s,
        "JUDGIFY_LLM_CALL_TIMEOUT_S must not exceed JUDGIFY_LLM_TOTAL_TIMEOUT_S",
    ),
)
