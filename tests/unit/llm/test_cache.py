"""Laws of the exact cache: no false hit, no invalid answer, one call for one question, bounds."""

import asyncio
import unicodedata
from dataclasses import astuple, replace
from typing import NamedTuple

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.llm import cache as cache_module
from agents.llm.answer import REPLY_KEPT_CHARS_MAX, Answer
from agents.llm.cache import LIFE_S, AnswerCache, Hit, Sought, _read
from agents.llm.turns import Turns
from runtime.redis_link import RedisLink
from schemas.judgment import LlmUse
from tests.support.answers import MODEL, QUESTION, answered, make_reply, make_use, seek, seek_value
from tests.support.clock import FakeClock


class Outcome(NamedTuple):
    answer: Answer | None
    use: LlmUse | None
    settled: bool = False

    def again(self) -> "Outcome":
        return self


class Endpoint:
    """Counts its calls; answers each with the next reply, or with nothing."""

    def __init__(self, sought: Sought, *replies: str | None) -> None:
        self._sought = sought
        self._replies = list(replies)
        self.calls = 0
        self.release = asyncio.Event()

    async def ask(self) -> Outcome:
        self.calls += 1
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        await self.release.wait()
        if reply is None:
            return Outcome(None, None)
        return Outcome(*answered(self._sought, reply))


def make_cache(clock: FakeClock | None = None) -> AnswerCache:
    clock = clock or FakeClock()
    return AnswerCache(RedisLink(None, clock), clock)


async def test_the_same_question_has_the_same_answer_and_costs_nothing_the_second_time() -> None:
    cache, sought = make_cache(), seek()
    answer, use = answered(sought, make_reply())

    await cache.store(sought, answer, use)
    hit = await cache.find(seek())

    assert hit is not None
    assert hit.answer == answer
    assert (hit.use.cached, hit.use.cost_usd, hit.use.tokens_in, hit.use.tokens_out) == (
        True,
        0,
        0,
        0,
    )
    assert (hit.use.model, hit.use.reply) == (use.model, use.reply)


# -- no false hit -------------------------------------------------------------

VALUES = [
    (1, "number"), (1.0, "number"), ("1", "string"), (True, "boolean"), (1, "integer"),
    (None, "number"), ("null", "string"), ("", "string"), (0, "number"), (-0.0, "number"), (0.0, "number"),
    ([1, 2], "list"), ([2, 1], "list"), (["1", "2"], "list"), ([1.0, 2], "list"), ("[1,2]", "string"),
    ("é", "string"), (unicodedata.normalize("NFD", "é"), "string"),
    ("가", "string"), (unicodedata.normalize("NFD", "가"), "string"),
    ("a", "string"), ("a ", "string"), (" a", "string"), ("A", "string"), ("a\u200b", "string"), ("а", "string"),
    (0.1, "number"), (0.1 + 2**-55, "number"), (2**53, "number"), (2**53 - 1, "number"),
]  # fmt: skip


def test_no_two_values_that_differ_share_an_answer() -> None:
    keys = [seek_value(value, kind).key for value, kind in VALUES]

    same = [
        (VALUES[i], VALUES[j]) for i in range(len(keys)) for j in range(i) if keys[i] == keys[j]
    ]
    assert same == []


texts = st.text(st.characters(codec="utf-8"), max_size=8)
numbers = st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False))
values = st.one_of(
    st.none(), st.booleans(), numbers, texts, st.lists(st.one_of(numbers, texts), max_size=3)
)


@given(texts, texts, values, values)
async def test_a_question_that_differs_in_anything_finds_nothing(
    name: str, other_name: str, value: object, other: object
) -> None:
    cache = make_cache()
    sought = seek_value(value)
    await cache.store(sought, *answered(sought, make_reply()))
    first = sought.question.values[0]

    different = [
        seek_value(other),
        seek(replace(sought.question, values=sought.question.values[::-1])),
        seek(
            replace(
                sought.question,
                values=(replace(first, name=name + "x"), *sought.question.values[1:]),
            )
        ),
        seek(replace(sought.question, version="f" * 64)),
        seek(replace(sought.question, instructions=other_name + "!")),
        seek(replace(sought.question, choices=sought.question.choices[:-1])),
        sought._replace(model=sought.model + "-1"),
    ]

    for each in different:
        is_same = orjson.dumps(_plain(each)) == orjson.dumps(_plain(sought))
        assert (await cache.find(each) is not None) == is_same


def _plain(sought: Sought) -> list[object]:
    """Return the question as plain data, by another way than the key's."""
    question = sought.question
    shown = [[*astuple(each), type(each.value).__name__] for each in question.values]
    return [sought.model, question.version, question.instructions, question.verdicts, shown]


# -- what is never kept, never believed ---------------------------------------


@pytest.mark.parametrize(
    "reply",
    [
        make_reply(verdict="scrap"),
        make_reply(confidence=1.5),
        make_reply(confidence=0.1),
        make_reply(reason="see https://example.com"),
        "no JSON",
        "",
    ],
)
async def test_a_reply_that_is_no_answer_is_not_kept_with_whatever_answer(reply: str) -> None:
    cache, sought = make_cache(), seek()
    answer, _ = answered(sought, make_reply())

    await cache.store(sought, answer, make_use(reply))

    assert await cache.find(sought) is None


async def test_a_reply_that_was_cut_for_the_record_is_not_kept() -> None:
    cache, sought = make_cache(), seek()
    answer, _ = answered(sought, make_reply())

    await cache.store(sought, answer, make_use(make_reply() + "… [1,234 characters cut]"))

    assert await cache.find(sought) is None


def forged(**changes: object) -> bytes:
    entry = {"format": 1, "key": seek().key, "use": make_use(make_reply()).model_dump()}
    return orjson.dumps(entry | changes)


@pytest.mark.parametrize(
    "value",
    [
        b"", b"\xff", b"[]", b"null", b"{}", b"1" * 70_000, b"[" * 5_000,
        forged(format=2), forged(format="1"), forged(key="0" * 64), forged(use=None), forged(use={}), forged(use=[1]),
        forged(use=make_use(make_reply(verdict="ok")).model_dump()),
        forged(use=make_use("x").model_dump() | {"reply": None}),
        forged(use=make_use("x").model_dump() | {"cost_usd": "free"}),
        forged(use=make_use(make_reply()).model_dump() | {"model": "a\0"}),
        forged(use=make_use(make_reply()).model_dump() | {"prompt_version": "\0"}),
        forged(use=make_use(make_reply()).model_dump() | {"prompt_sha256": "\0" * 64}),
        forged(use=make_use(make_reply() + " " * REPLY_KEPT_CHARS_MAX).model_dump()),
    ],
)  # fmt: skip
def test_a_value_that_is_not_ours_is_a_miss(value: bytes) -> None:
    assert _read(forged(), seek()) is not None
    assert _read(value, seek()) is None


@given(st.binary(max_size=200), st.integers(0, 400))
def test_no_damage_to_a_value_raises_or_changes_the_verdict(damage: bytes, at: int) -> None:
    value = forged()
    found = _read(value[:at] + damage + value[at + len(damage) :], seek())

    assert found is None or found.answer.verdict in QUESTION.verdicts


# -- bounds -------------------------------------------------------------------


async def test_an_answer_lives_for_a_day() -> None:
    clock, sought = FakeClock(), seek()
    cache = make_cache(clock)
    await cache.store(sought, *answered(sought, make_reply()))

    clock.advance(LIFE_S - 1)
    assert await cache.find(sought) is not None
    clock.advance(1)
    assert await cache.find(sought) is None
    assert cache._kept_bytes == 0


@pytest.mark.parametrize("bound", ["ENTRIES_MAX", "BYTES_MAX"])
async def test_the_oldest_answers_make_room(bound: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = make_cache()
    questions = [seek_value(float(number)) for number in range(6)]
    await cache.store(questions[0], *answered(questions[0], make_reply()))
    one_bytes = cache._kept_bytes
    monkeypatch.setattr(cache_module, bound, 4 if bound == "ENTRIES_MAX" else 4 * one_bytes)

    for question in questions[1:4]:
        await cache.store(question, *answered(question, make_reply()))
    assert await cache.find(questions[0]) is not None  # used again: the second is the oldest now
    for question in questions[4:]:
        await cache.store(question, *answered(question, make_reply()))

    left = [await cache.find(question) is not None for question in questions]
    assert left == [True, False, False, True, True, True]
    assert cache._kept_bytes == 4 * one_bytes


# -- one call for one question ------------------------------------------------


async def ask_all(
    cache: AnswerCache, endpoint: Endpoint, sought: Sought, count: int
) -> list[object]:
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(cache.find_or_ask(sought, 30.0, endpoint.ask)) for _ in range(count)
        ]
        await asyncio.sleep(0)
        endpoint.release.set()
    return [task.result() for task in tasks]


async def test_a_burst_of_equal_questions_makes_one_call() -> None:
    cache, sought = make_cache(), seek()
    endpoint = Endpoint(sought, make_reply())

    outcomes = await ask_all(cache, endpoint, sought, 50)

    assert endpoint.calls == 1
    assert sum(isinstance(outcome, Hit) for outcome in outcomes) == 49
    assert len(cache._turns) == 0


async def test_a_leader_that_fails_lets_the_next_try() -> None:
    cache, sought = make_cache(), seek()
    endpoint = Endpoint(sought, None, None, make_reply())

    outcomes = await ask_all(cache, endpoint, sought, 10)

    assert endpoint.calls == 3
    assert sum(isinstance(outcome, Hit) for outcome in outcomes) == 7
    assert len(cache._turns) == 0


async def test_a_leader_that_is_cancelled_lets_the_next_try() -> None:
    cache, sought = make_cache(), seek()
    endpoint = Endpoint(sought, make_reply())
    async with asyncio.TaskGroup() as group:
        leader = group.create_task(cache.find_or_ask(sought, 30.0, endpoint.ask))
        await asyncio.sleep(0)
        second = group.create_task(cache.find_or_ask(sought, 30.0, endpoint.ask))
        await asyncio.sleep(0)
        leader.cancel()
        endpoint.release.set()

    assert leader.cancelled()
    assert endpoint.calls == 2
    assert second.result().answer is not None
    assert len(cache._turns) == 0


async def test_who_waits_for_a_leader_that_hangs_asks_when_its_time_is_up() -> None:
    turns = Turns()
    async with turns.take("k", 0.0) as first:
        async with turns.take("k", 0.0) as second:
            assert (first, second) == (False, True)
            assert len(turns) == 1
        assert len(turns) == 1
    assert len(turns) == 0


async def test_different_questions_do_not_wait_for_each_other() -> None:
    cache, one, other = make_cache(), seek(), seek(model=MODEL + "x")
    hanging, quick = Endpoint(one, make_reply()), Endpoint(other, make_reply())
    quick.release.set()
    async with asyncio.TaskGroup() as group:
        group.create_task(cache.find_or_ask(one, 30.0, hanging.ask))
        await asyncio.sleep(0)
        answered_first = await cache.find_or_ask(other, 30.0, quick.ask)
        hanging.release.set()

    assert answered_first.answer is not None
