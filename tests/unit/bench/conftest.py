import socket
from collections.abc import Iterator

import pytest


@pytest.fixture
def unused_tcp_port_listener() -> Iterator[int]:
    """A port of this process on which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]
