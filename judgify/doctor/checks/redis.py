"""Redis: optional; where an address is set, it answers."""

import socket
import ssl
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote, urlsplit

from judgify.doctor.finding import Finding, ok, skip, warn
from judgify.doctor.subject import Subject
from runtime.addresses import without_password

TIMEOUT_S: Final = 2.0
ANSWER_BYTES_MAX: Final = 1_024
DEFAULT_PORT: Final = 6379


def look(subject: Subject) -> Iterator[Finding]:
    """Ask for a PONG."""
    if subject.redis_url is None:
        yield skip("not set: nothing needs it")
        return
    where = without_password(subject.redis_url)
    try:
        answer = _ping(subject.redis_url)
    except OSError as error:
        told = error.strerror or str(error) or type(error).__name__
        yield warn(f"no answer at {where}: {told}", "start it, or set REDIS_ENABLED=false")
        return
    if answer.endswith("+PONG"):
        yield ok(f"answers at {where}")
    else:
        yield warn(f"{where} answers {answer}", "check the password in REDIS_URL")


def _ping(url: str) -> str:
    """Return the last line that the server says to AUTH, where there is a password, and PING."""
    parts = urlsplit(url)
    words = [unquote(word) for word in (parts.username, parts.password) if word]
    commands = ([("AUTH", *words)] if parts.password else []) + [("PING",)]
    with _connect(url) as connection:
        lines = []
        for command in commands:
            connection.sendall(_encode(command))
            lines.append(connection.recv(ANSWER_BYTES_MAX).decode("utf-8", "replace").strip())
    refusals = [line for line in lines if line.startswith("-")]
    return refusals[0][1:] if refusals else lines[-1]


def _connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        plain = socket.socket(socket.AF_UNIX)
        plain.settimeout(TIMEOUT_S)
        plain.connect(unquote(parts.path))
        return plain
    host = parts.hostname or "127.0.0.1"
    plain = socket.create_connection((host, parts.port or DEFAULT_PORT), TIMEOUT_S)
    if parts.scheme != "rediss":
        return plain
    return ssl.create_default_context().wrap_socket(plain, server_hostname=host)


def _encode(words: tuple[str, ...]) -> bytes:
    """Return a command as Redis reads it: each word with its length, so none can add another."""
    raw = [word.encode() for word in words]
    return b"".join([b"*%d\r\n" % len(raw), *(b"$%d\r\n%s\r\n" % (len(it), it) for it in raw)])
