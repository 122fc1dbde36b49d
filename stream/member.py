"""Joining a consumer group through Faust's consumer thread, without starting the Faust app."""

import asyncio
from contextlib import suppress
from typing import Any, Final, cast

from faust.transport.drivers.aiokafka import Transport
from mode.threads import WorkerThread
from typing_extensions import override

from schemas.errors import DependencyError
from stream.app import make_app
from stream.fetch_thread import FetchThread
from stream.internals import install

OPEN_TIMEOUT_S: Final = 20.0


class _DaemonWorker(WorkerThread):
    """The thread itself; it never keeps a process alive that wants to end."""

    def __init__(self, service: Any, **options: Any) -> None:
        super().__init__(service, **options)
        self.daemon = True

    @override
    def run(self) -> None:
        with suppress(asyncio.CancelledError):  # it was abandoned
            super().run()


class _ThreadOwner:
    """What Faust's thread asks of the consumer it belongs to."""

    in_transaction = True
    """To the thread this means: read only what is committed (`read_committed`)."""
    flow_active = True
    RebalanceListener = staticmethod(lambda _thread: None)
    """The thread's own listener is not used: `FetchThread.join` subscribes with ours."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.transport = Transport(app.conf.broker_consumer, app)


async def open_member(group: str, bootstrap_servers: str) -> FetchThread:
    """Return the running thread, connected; it joins when `join` is called.

    Raises:
        DependencyError: the broker does not answer; try again with a new call.
        FatalError: Faust's settings are not in force.
    """
    install()
    app = make_app(group, bootstrap_servers)
    thread = FetchThread(cast("Any", _ThreadOwner(app)), Worker=_DaemonWorker)
    thread.main_loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(OPEN_TIMEOUT_S):
            await thread.start()
    except BaseException as error:
        _abandon(thread)
        if isinstance(error, Exception):
            raise DependencyError("kafka", f"{type(error).__name__}: {error}") from error
        raise
    return thread


def _abandon(thread: FetchThread) -> None:
    """End a thread that nobody will ever call; it may wait for a broker that never answers."""

    def cancel() -> None:
        for task in asyncio.all_tasks(thread.thread_loop):
            task.cancel()

    thread.set_shutdown()
    with suppress(RuntimeError):  # its loop has ended by itself
        thread.thread_loop.call_soon_threadsafe(cancel)
