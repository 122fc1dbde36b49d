"""Addresses of databases: joined from parts, checked, and shown without their password."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs, quote, urlsplit, urlunsplit

POSTGRES_SCHEMES: Final = ("postgresql", "postgres")
HTTP_SCHEMES: Final = ("https", "http")
REDIS_SCHEMES: Final = ("redis", "rediss", "unix")
ENCODE_IT: Final = "is no URL: percent-encode the special characters of its password"


def join_postgres(parts: Mapping[str, str]) -> str | None:
    """Return the URL of `host port name user password`; None without a host."""
    if not parts.get("host"):
        return None
    user = quote(parts.get("user") or "judgify", safe="")
    database = quote(parts.get("name") or "judgify", safe="")
    where = _host_port(parts["host"], parts.get("port") or 5432)
    return f"postgresql://{user}{_password(parts)}@{where}/{database}"


def join_redis(parts: Mapping[str, str]) -> str | None:
    """Return the URL of `host port password`; None without a host."""
    if not parts.get("host"):
        return None
    credentials = f"{_password(parts)}@" if parts.get("password") else ""
    return f"redis://{credentials}{_host_port(parts['host'], parts.get('port') or 6379)}/0"


def check_url(url: str, schemes: tuple[str, ...]) -> str | None:
    """Return what is wrong with `url`, never quoting it; None when it is usable."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return ENCODE_IT
    if parts.fragment or "@" in parts.path + parts.query:
        return ENCODE_IT
    if parts.scheme not in schemes:
        return f"must begin with {schemes[0]}://"
    if parts.scheme != "unix" and not (parts.hostname or "host=" in parts.query):
        credentials = "" if schemes == HTTP_SCHEMES else "user:password@"
        return f"names no host: write {schemes[0]}://{credentials}host:port"
    return None


def carries_credentials(url: str) -> bool:
    """Return whether `url` names a password or a client certificate."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    return bool(parts.password or query.keys() & {"password", "passfile", "sslcert", "service"})


def without_password(url: str) -> str:
    """Return `url` as people may see it: no password, no query (it may carry one too)."""
    try:
        parts = urlsplit(url)
        user = f"{parts.username}@" if parts.username else ""
        where = _host_port(parts.hostname or "", parts.port)
    except ValueError:
        return "***"
    return urlunsplit((parts.scheme, user + where, parts.path, "", ""))


def _password(parts: Mapping[str, str]) -> str:
    password = parts.get("password")
    return f":{quote(password, safe='')}" if password else ""


def _host_port(host: str, port: object) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{port}" if port else shown
