"""The ports of a local stack: declared ones stay where they are, the others are any free ones."""

import secrets
import socket
from collections.abc import Iterable, Mapping
from typing import Final

from runtime.port_owner import owner_of
from schemas.errors import FatalError

HOST: Final = "127.0.0.1"
OFFSETS: Final[Mapping[str, int]] = {
    "rule-agent": 2,
    "llm-agent": 7,
    "postgres-sink": 8,
    "kafka": 20,
    "kafka-controller": 21,
    "postgres": 22,
    "valkey": 23,
    "fake-llm": 24,
}
"""What `--port-base` is added to."""
FREE_RANGE: Final = range(20_000, 30_000)
"""Free ports come from here: above the well-known, below those of outgoing connections."""


def choose_ports(
    names: Iterable[str],
    declared: Mapping[str, int],
    kept: Mapping[str, int],
    base: int | None = None,
) -> dict[str, int]:
    """Return a port for each name.

    With `base`, each is declared at its offset; with `base` 0, each is any free one. Without, those
    in `declared` are as declared, and the others stay where they were (`kept`) unless somebody
    has taken that port meanwhile: then any free one.

    Raises:
        FatalError: a declared port is taken; it names the owner.
    """
    if base:
        declared = {name: base + offset for name, offset in OFFSETS.items()}
    chosen: dict[str, int] = {}
    for name in names:
        port = 0 if base == 0 else declared.get(name, 0)
        if port:
            _require_free(name, port)
        elif base is None:
            port = kept.get(name, 0)
        if not port or not is_free(port):
            port = _find_free(set(chosen.values()))
        chosen[name] = port
    return chosen


def _require_free(name: str, port: int) -> None:
    if not is_free(port):
        raise FatalError(
            f"port {port}, declared for {name}, is taken by {owner_of(port)}: "
            "stop that, or move all ports with `--port-base N` (0: any free ones)"
        )


def is_free(port: int) -> bool:
    """Say whether we could listen on `port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def _find_free(taken: set[int]) -> int:
    candidates = secrets.SystemRandom().sample(FREE_RANGE, len(FREE_RANGE))
    for port in candidates:
        if port not in taken and is_free(port):
            return port
    raise FatalError(f"no free port in {FREE_RANGE.start}-{FREE_RANGE.stop - 1}")
