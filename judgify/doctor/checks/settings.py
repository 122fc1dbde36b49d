"""Settings: readable, and not those of a laptop where ENV says production."""

import ipaddress
from collections.abc import Iterator
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from judgify.doctor.finding import Finding, fail, ok, warn
from judgify.doctor.subject import Subject

GUESSABLE: Final = frozenset(
    {"", "admin", "changeme", "dev", "judgify", "password", "postgres", "redis", "secret", "test"}
)


def look(subject: Subject) -> Iterator[Finding]:
    """Judge what would be refused at a start, then what would work and should not."""
    if subject.settings_problem is not None:
        yield fail(
            subject.settings_problem,
            "mend it (docs/settings.md); until then defaults are looked at",
        )
        return
    found = [*_find_conflicts(subject), *_find_exposure(subject)]
    yield from found or [ok(f"ENV={subject.settings.env}, topics {subject.settings.topic_prefix}…")]


def _find_conflicts(subject: Subject) -> Iterator[Finding]:
    settings = subject.settings
    if settings.env != "production":
        if settings.kafka_bootstrap_servers and not _is_here(settings.kafka_bootstrap_servers):
            yield warn(
                f"ENV={settings.env}, but Kafka is on another machine",
                "set ENV=production if that is what it is: safer defaults follow",
            )
        return
    if subject.uses_local_stack:
        yield fail(
            "ENV=production on the local stack, which keeps one copy of each record",
            "set KAFKA_BOOTSTRAP_SERVERS, DATABASE_URL and REDIS_URL to services that are kept",
        )
    for name, url in (("DATABASE_URL", subject.database_url), ("REDIS_URL", subject.redis_url)):
        if url is not None and _is_guessable(url):
            yield fail(f"{name} has a password that anybody guesses", "set another one")
    if settings.log_level == "DEBUG":
        yield warn("LOG_LEVEL=DEBUG in production", "set LOG_LEVEL=INFO")


def _find_exposure(subject: Subject) -> Iterator[Finding]:
    if not _is_here(subject.settings.host):
        yield warn(
            f"JUDGIFY_HOST={subject.settings.host}: /status and /metrics answer to the network",
            "set JUDGIFY_HOST=127.0.0.1, or let a firewall decide who may ask",
        )


def _is_guessable(url: str) -> bool:
    password = urlsplit(url).password
    return password is not None and password.lower() in GUESSABLE


def _is_here(address: str) -> bool:
    """Return whether `host`, or the first of `host:port,…`, is this machine itself."""
    first = address.split(",", maxsplit=1)[0]
    for host in (first, first.rpartition(":")[0].strip("[]")):
        with suppress(ValueError):
            return host == "localhost" or ipaddress.ip_address(host).is_loopback
    return False
