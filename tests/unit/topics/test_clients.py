"""The settings that every client of ours shares."""

from typing import Any

import pytest

from judgify.replay.sending import open_request_producer
from topics import clients


@pytest.mark.parametrize("open_client", [clients.open_producer, open_request_producer])
def test_every_producer_puts_a_key_where_java_producers_do(
    monkeypatch: pytest.MonkeyPatch, open_client: Any
) -> None:
    opened: list[dict[str, Any]] = []
    monkeypatch.setattr(clients, "Producer", opened.append)

    open_client("127.0.0.1:1")

    [settings] = opened
    assert settings["partitioner"] == "murmur2_random"
    assert settings["enable.idempotence"] is True
