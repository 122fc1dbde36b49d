"""The exact cache: the same question has the same answer, and costs no call.

The key is everything that could make a difference: the workflow's version, the model, the prompt,
the choices, the values that the prompt shows. What is kept is the model's reply, and whoever finds
one checks it as if it had just come: whoever wrote to Redis is fenced like a model.
"""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple, Protocol, Self, TypeVar, cast

import orjson
from pydantic import ValidationError

from agents.llm.answer import REPLY_KEPT_CHARS_MAX, Answer, check_answer
from agents.llm.dialects import MODEL_NAME
from agents.llm.prompt import PROMPT_VERSION, Prompt
from agents.llm.question import Question
from agents.llm.turns import Turns
from runtime.clock import Clock
from runtime.metrics import LLM_CACHE_TOTAL
from runtime.redis_link import RedisAway, RedisLink
from schemas.judgment import LlmUse

FORMAT: Final = 1
"""Of what is kept; another one is a miss."""
KEYS: Final = "judgify:llm:answer:"
LIFE_S: Final = 86_400
"""How long an answer is kept, here and in Redis: a model behind one name changes at times."""
VALUE_BYTES_MAX: Final = 65_536
ENTRIES_MAX: Final = 10_000
BYTES_MAX: Final = 33_554_432
"""Of all entries that one process keeps."""
_HASH: Final = re.compile(r"[0-9a-f]{64}")

_hits: Final = LLM_CACHE_TOTAL.labels("hit")
_misses: Final = LLM_CACHE_TOTAL.labels("miss")


class Sought(NamedTuple):
    """A question whose answer may be there."""

    question: Question
    prompt: Prompt
    model: str
    """As the endpoint is asked for it."""

    @property
    def key(self) -> str:
        """Return 64 hex digits that no other question has."""
        question = self.question
        values = [(each.name, each.type, each.value, each.problem) for each in question.values]
        parts = [
            FORMAT,
            question.version,
            self.model,
            PROMPT_VERSION,
            question.verdicts,
            values,
            self.prompt.sha256,
        ]
        return hashlib.sha256(orjson.dumps(parts)).hexdigest()


class Hit(NamedTuple):
    """An answer that was there: no call, no tokens, no money."""

    answer: Answer
    use: LlmUse


class Outcome(Protocol):
    """How asking ended."""

    @property
    def answer(self) -> Answer | None: ...
    @property
    def use(self) -> LlmUse | None: ...
    @property
    def settled(self) -> bool:
        """Whether asking the same once more would be of no use."""
        ...

    def again(self) -> Self:
        """Return the same ending for somebody else who asks the same: nothing was called."""
        ...


T = TypeVar("T", bound=Outcome)


class AnswerCache:
    """Answers in Redis, for all copies, and the latest of this process in memory."""

    def __init__(self, link: RedisLink, clock: Clock, prefix: str = KEYS) -> None:
        self._link = link
        self._clock = clock
        self._prefix = prefix
        self._kept: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._kept_bytes = 0
        self._turns = Turns()

    async def find_or_ask(
        self, sought: Sought, left_s: float, ask: Callable[[], Awaitable[T]]
    ) -> Hit | T:
        """Return the answer that is there, else what `ask` returns; keep it if it is one.

        Of equal questions at one time only one is asked; the others wait, at most `left_s`, and
        share its answer, or the reason why its reply is none.
        """
        hit = await self.find(sought)
        if hit is None:
            async with self._turns.take(sought.key, left_s) as waited:
                hit = await self.find(sought) if waited else None
                if hit is None:
                    left = self._turns.find_left(sought.key) if waited else None
                    if left is not None:
                        return cast("T", left)
                    return await self._ask(sought, ask)
        _hits.inc()
        return hit

    async def _ask(self, sought: Sought, ask: Callable[[], Awaitable[T]]) -> T:
        _misses.inc()
        asked = await ask()
        if asked.answer is not None and asked.use is not None:
            await self.store(sought, asked.answer, asked.use)
        elif asked.settled:
            self._turns.leave(sought.key, asked.again())
        return asked

    async def find(self, sought: Sought) -> Hit | None:
        """Return the answer to this very question, checked anew; None if there is none."""
        key = sought.key
        value = self._recall(key)
        found = None if value is None else _read(value, sought)
        if found is None:
            value = await self._fetch(key)
            found = None if value is None else _read(value, sought)
            if found is not None and value is not None:
                self._keep(key, value)
        return found

    async def store(self, sought: Sought, answer: Answer, use: LlmUse) -> None:
        """Keep a checked answer and the call that brought it.

        Nothing is kept when its reply, checked anew, would not be this answer: one that was cut.
        """
        value = orjson.dumps({"format": FORMAT, "key": sought.key, "use": use.model_dump()})
        found = _read(value, sought)
        if found is None or found.answer != answer:
            return
        self._keep(sought.key, value)
        try:
            await self._link.ask(
                lambda client: client.set(self._prefix + sought.key, value, ex=LIFE_S)
            )
        except RedisAway:
            return

    async def _fetch(self, key: str) -> bytes | None:
        try:
            # A range, so that nobody can make us read more than we would keep.
            value = await self._link.ask(
                lambda client: client.getrange(self._prefix + key, 0, VALUE_BYTES_MAX)
            )
        except RedisAway:
            return None
        return value if isinstance(value, bytes) and value else None

    def _recall(self, key: str) -> bytes | None:
        entry = self._kept.get(key)
        if entry is None:
            return None
        until_s, value = entry
        if self._clock.monotonic_s() >= until_s:
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return value

    def _keep(self, key: str, value: bytes) -> None:
        if key in self._kept:
            self._drop(key)
        self._kept[key] = (self._clock.monotonic_s() + LIFE_S, value)
        self._kept_bytes += len(value)
        while len(self._kept) > ENTRIES_MAX or self._kept_bytes > BYTES_MAX:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: str) -> None:
        self._kept_bytes -= len(self._kept.pop(key)[1])


def _is_ours(use: LlmUse) -> bool:
    """Say whether we can have recorded this: a judgment that holds it must reach its table."""
    return (
        MODEL_NAME.fullmatch(use.model) is not None
        and use.prompt_version == PROMPT_VERSION
        and _HASH.fullmatch(use.prompt_sha256) is not None
        and len(use.reply or "") <= REPLY_KEPT_CHARS_MAX
    )


def _read(value: bytes, sought: Sought) -> Hit | None:
    """Return the answer in a value; None for anything that is not one to this question."""
    if len(value) > VALUE_BYTES_MAX:
        return None
    try:
        entry: Any = orjson.loads(value)
        if not isinstance(entry, dict) or entry.get("format") != FORMAT:
            return None
        use = LlmUse.model_validate(entry.get("use"))
    except (orjson.JSONDecodeError, ValidationError):
        return None
    if entry.get("key") != sought.key or use.reply is None or not _is_ours(use):
        return None
    answer = check_answer(use.reply, sought.question, sought.prompt)
    if not isinstance(answer, Answer):
        return None
    return Hit(answer, without_cost(use))


def without_cost(use: LlmUse) -> LlmUse:
    """Return the use of a call that somebody else has made."""
    free = {"tokens_in": 0, "tokens_out": 0, "cost_usd": 0.0, "latency_ms": 0.0, "cached": True}
    return use.model_copy(update=free)
