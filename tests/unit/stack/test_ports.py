"""Ports: declared ones stay and are defended by name, the others give way."""

import os
import socket
from collections.abc import Iterator

import pytest

from judgify.stack import ports
from schemas.errors import FatalError

DECLARED = {"rule-agent": 0, "postgres-sink": 0}
NAMES = ("rule-agent", "kafka", "postgres")


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which this very process listens."""
    with socket.create_server((ports.HOST, 0)) as server:
        yield server.getsockname()[1]


def find_base() -> int:
    return next(
        base
        for base in range(31_000, 32_000, 50)
        if all(ports.is_free(base + offset) for offset in ports.OFFSETS.values())
    )


def test_free_ports_are_distinct_and_in_their_range() -> None:
    chosen = ports.choose_ports(list(ports.OFFSETS), {}, {}, base=0)

    assert len(set(chosen.values())) == len(ports.OFFSETS)
    assert all(port in ports.FREE_RANGE for port in chosen.values())


def test_a_port_that_was_chosen_once_is_kept() -> None:
    first = ports.choose_ports(["kafka", "postgres"], {}, {})

    assert ports.choose_ports(["kafka", "postgres"], {}, first) == first


def test_a_kept_port_that_somebody_took_gives_way(taken: int) -> None:
    chosen = ports.choose_ports(["kafka"], {}, {"kafka": taken})

    assert chosen["kafka"] != taken


def test_a_declared_port_wins_over_a_kept_one() -> None:
    base = find_base()

    chosen = ports.choose_ports(["rule-agent"], {"rule-agent": base + 2}, {"rule-agent": base + 3})

    assert chosen == {"rule-agent": base + 2}


def test_a_declared_port_that_is_taken_is_named_with_its_owner(taken: int) -> None:
    with pytest.raises(FatalError) as caught:
        ports.choose_ports(["rule-agent"], {"rule-agent": taken}, {})

    said = str(caught.value)
    assert f"port {taken}, declared for rule-agent" in said
    assert f"pid {os.getpid()} (" in said
    assert "--port-base" in said


def test_a_base_moves_every_port() -> None:
    base = find_base()

    chosen = ports.choose_ports(NAMES, {"rule-agent": 8_002}, {"kafka": 20_000}, base)

    assert chosen == {"rule-agent": base + 2, "kafka": base + 20, "postgres": base + 22}


def test_a_base_declares_the_services_ports_too(taken: int) -> None:
    with pytest.raises(FatalError, match=f"port {taken}, declared for kafka"):
        ports.choose_ports(["kafka"], {}, {}, taken - ports.OFFSETS["kafka"])


def test_base_zero_takes_any_free_port_even_for_an_agent(taken: int) -> None:
    chosen = ports.choose_ports(NAMES, {"rule-agent": taken}, {"kafka": taken}, base=0)

    assert taken not in chosen.values()
