"""A link to the real Kafka that a test can cut: a TCP proxy that names itself as the broker."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

CHUNK_BYTES: Final = 65_536
ACCEPT_TIMEOUT_S: Final = 0.1
CONNECT_TIMEOUT_S: Final = 5.0


class KafkaLink:
    """Forwards to the broker at `bootstrap`; in the broker's answers its port becomes ours.

    Without that a client would leave the link after its first question for the address that the
    broker advertises. Works for one broker that advertises the address in `bootstrap`.
    """

    def __init__(self, bootstrap: str) -> None:
        host, _, port = bootstrap.rpartition(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(ACCEPT_TIMEOUT_S)
        self._up = threading.Event()
        self._up.set()
        self._closed = threading.Event()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        own_port = self._listener.getsockname()[1]
        self._theirs = host.encode() + struct.pack(">i", int(port))
        self._ours = host.encode() + struct.pack(">i", own_port)
        self.bootstrap = f"127.0.0.1:{own_port}"
        self._start(self._accept)

    def cut(self) -> None:
        """Reset every connection and refuse new ones."""
        self._up.clear()
        self._reset()

    def mend(self) -> None:
        self._up.set()

    def close(self) -> None:
        self._closed.set()
        self._reset()
        for thread in self._threads:
            thread.join(CONNECT_TIMEOUT_S)
        self._listener.close()

    def _accept(self) -> None:
        while not self._closed.is_set():
            with suppress(TimeoutError):
                client, _ = self._listener.accept()
                self._sockets.append(client)
                if not self._up.is_set():
                    self._reset()
                    continue
                broker = socket.create_connection(self._target, CONNECT_TIMEOUT_S)
                broker.settimeout(None)
                self._sockets.append(broker)
                self._start(self._copy, client, broker, b"", b"")
                self._start(self._copy, broker, client, self._theirs, self._ours)

    def _copy(
        self, source: socket.socket, target: socket.socket, theirs: bytes, ours: bytes
    ) -> None:
        with suppress(OSError):
            while chunk := source.recv(CHUNK_BYTES):
                target.sendall(chunk.replace(theirs, ours) if theirs else chunk)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _reset(self) -> None:
        sockets, self._sockets = self._sockets, []
        for end in sockets:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _start(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]  # any callable
        self._threads.append(thread)
        thread.start()


@contextmanager
def open_link(bootstrap: str) -> Iterator[KafkaLink]:
    """Open a link to the Kafka at `bootstrap`; closed afterwards, whatever happens."""
    link = KafkaLink(bootstrap)
    try:
        yield link
    finally:
        link.close()
