"""Asking a child over HTTP whether it does its work."""

import http.client
from typing import Final

READY_TIMEOUT_S: Final = 2.0


def answers_ok(host: str, port: int, path: str) -> bool:
    """Say whether `path` answers 200 within two seconds."""
    connection = http.client.HTTPConnection(host, port, timeout=READY_TIMEOUT_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
