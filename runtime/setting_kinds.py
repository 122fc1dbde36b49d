"""What kinds of value a setting may have: bounds and checks that several of them share."""

from typing import Annotated, Final

from pydantic import AfterValidator, Field, SecretStr

from runtime import addresses
from runtime.failpoints import parse_failpoints
from runtime.setting_layers import Names

Port = Annotated[int, Field(ge=0, le=65_535)]
Seconds = Annotated[float, Field(gt=0, le=600)]
Days: Final = Field(ge=1, le=36_500)
PerMinute = Annotated[int, Field(ge=1, le=1_000_000_000)]
UsdPerDay = Annotated[float, Field(gt=0, le=1_000_000)]


def own(name: str, file: str | None = None, key: str | None = None) -> Names:
    """Return the names of a setting of ours: `JUDGIFY_…` outside, `key` or its name in a file."""
    return Names((f"JUDGIFY_{name.upper()}",), file, key)


def check_url(schemes: tuple[str, ...]) -> AfterValidator:
    """Return a validator of addresses that never quotes what it refuses."""

    def refuse(url: SecretStr) -> SecretStr:
        problem = addresses.check_url(url.get_secret_value(), schemes)
        if problem:
            raise ValueError(problem)
        return url

    return AfterValidator(refuse)


def _check_failpoints(text: str) -> str:
    """Return `text` if it can be armed."""
    parse_failpoints(text)
    return text


def _check_api_key(key: SecretStr) -> SecretStr:
    """Return `key` if it can stand in an HTTP header; never quotes what it refuses."""
    text = key.get_secret_value()
    if not (text.isascii() and text.isprintable() and " " not in text):
        raise ValueError("holds characters that no key has: copy it again")
    return key


def _check_endpoint(url: str) -> str:
    """Return `url`, without the `/` at its end, if an HTTP endpoint can be there."""
    problem = addresses.check_url(url, addresses.HTTP_SCHEMES)
    if problem is None and "@" in url:
        problem = "carries a user or password: the key belongs into OPENAI_API_KEY"
    if problem is None and "?" in url:
        problem = "carries a query: leave only the address, such as https://host/v1"
    if problem:
        raise ValueError(problem)
    return url.rstrip("/")


Failpoints = Annotated[str, AfterValidator(_check_failpoints)]
ApiKey = Annotated[SecretStr, AfterValidator(_check_api_key)]
EndpointUrl = Annotated[str, AfterValidator(_check_endpoint)]
PostgresUrl = Annotated[SecretStr, check_url(addresses.POSTGRES_SCHEMES)]
RedisUrl = Annotated[SecretStr, check_url(addresses.REDIS_SCHEMES)]
