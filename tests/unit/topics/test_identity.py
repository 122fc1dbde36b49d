"""Asking which topic a name stands for, of a broker that says nothing."""

import socket

import pytest

from schemas.errors import DependencyError
from topics import identity


async def test_a_broker_that_is_silent_is_a_dependency_and_no_bug(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(identity, "TIMEOUT_S", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        bootstrap = f"127.0.0.1:{silent.getsockname()[1]}"

        with pytest.raises(DependencyError):
            await identity.fetch_topic_ids(bootstrap, ["requests"])
