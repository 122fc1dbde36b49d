"""The one way to Redis: optional, bounded in time, and never waited for while it is away.

Everything in Redis can be rebuilt, so nobody needs it: whoever asks is prepared for `RedisAway`.
After a failure nobody asks for `PAUSE_S`, and then one caller tries: a Redis that hangs delays one
call per pause, and not each.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from runtime.addresses import without_password
from runtime.clock import Clock
from runtime.logs import get_logger
from runtime.metrics import DEPENDENCY_UP
from schemas.errors import DependencyError

DEPENDENCY: Final = "redis"
ANSWER_TIMEOUT_S: Final = 0.25
"""Longest wait for one answer, and for a connection."""
PAUSE_S: Final = 1.0
CONNECTIONS_MAX: Final = 32
"""Who asks while all are in use waits for one, as long as for an answer."""

T = TypeVar("T")

_log = get_logger(__name__)


class RedisAway(DependencyError):  # noqa: N818 -- a state that everybody is prepared for
    """Redis did not answer as expected, or is not used; whether it did what it was asked is open.

    Unless `asked` is false: then nothing was sent.
    """

    def __init__(self, reason: str, *, asked: bool) -> None:
        super().__init__(DEPENDENCY, reason)
        self.asked = asked


class RedisLink:
    """A process's connections to Redis; opened by the first who asks."""

    def __init__(
        self,
        url: str | None,
        clock: Clock,
        *,
        enabled: Callable[[], bool] = lambda: True,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> None:
        """Lead to `url`, while `enabled` says so; None is no Redis at all.

        Args:
            url: `redis://…`, `rediss://…` or `unix://…`; never logged with its password.
            clock: For the pause after a failure.
            enabled: The switch `redis.enabled`; asked before each command.
            answer_timeout_s: Longest wait for one answer.
        """
        self._enabled = enabled
        self._clock = clock
        self._where = "" if url is None else without_password(url)
        self._failure: str | None = None
        self._quiet_until_s = 0.0
        self.client: redis.Redis | None = None
        if url is not None:
            pool = redis.BlockingConnectionPool.from_url(
                url,
                timeout=answer_timeout_s,
                socket_timeout=answer_timeout_s,
                socket_connect_timeout=answer_timeout_s,
                max_connections=CONNECTIONS_MAX,
                retry=Retry(NoBackoff(), 0),  # what was sent may have been done: callers decide
                health_check_interval=0,
                protocol=2,  # no push messages: an answer is the answer
            )
            self.client = redis.Redis.from_pool(pool)

    @property
    def used(self) -> bool:
        """Whether there is a Redis that may be asked."""
        return self.client is not None and self._enabled()

    @property
    def failure(self) -> str | None:
        """Why the last command failed; None when it did not. For `/status`."""
        return self._failure

    async def ask(self, command: Callable[["redis.Redis"], Awaitable[T]]) -> T:
        """Return what `command` returns.

        Raises:
            RedisAway: no answer in time, an error for an answer, or nobody may ask now.
        """
        client = self.client
        if client is None or not self._enabled():
            self._forget()
            raise RedisAway("is not used", asked=False)
        now_s = self._clock.monotonic_s()
        if now_s < self._quiet_until_s:
            raise RedisAway(self._failure or "is away", asked=False)
        if self._failure is not None:
            self._quiet_until_s = now_s + PAUSE_S  # others wait for how this one fares
        try:
            answer = await command(client)
        except (RedisError, OSError, TimeoutError) as error:
            self._note_failure(error)
            raise RedisAway(self._describe(error), asked=True) from error
        self._note_success()
        return answer

    async def close(self) -> None:
        """Close every connection; what is being asked fails."""
        if self.client is not None:
            await self.client.aclose()

    def _describe(self, error: BaseException) -> str:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        return f"{self._where}: {said}"

    def _note_failure(self, error: BaseException) -> None:
        self._quiet_until_s = self._clock.monotonic_s() + PAUSE_S
        DEPENDENCY_UP.labels(DEPENDENCY).set(0)
        if self._failure is None:
            _log.warning("redis_lost", reason=self._describe(error))
        self._failure = self._describe(error)

    def _note_success(self) -> None:
        DEPENDENCY_UP.labels(DEPENDENCY).set(1)
        if self._failure is not None:
            _log.info("redis_returned", url=self._where)
        self._failure = None
        self._quiet_until_s = 0.0

    def _forget(self) -> None:
        """Let no alarm ring about a Redis that nobody uses."""
        if self._failure is not None:
            DEPENDENCY_UP.remove(DEPENDENCY)
        self._failure = None
        self._quiet_until_s = 0.0


def text_of(answer: Any) -> str:
    """Return a word that Redis answered; replies are bytes."""
    return answer.decode("utf-8", "replace") if isinstance(answer, bytes) else str(answer)
