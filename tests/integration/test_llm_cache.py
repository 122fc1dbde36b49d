"""Laws of the cache over a real Redis: shared by all copies, and a miss when it is not ours."""

from collections.abc import AsyncIterator

import pytest

from agents.llm.cache import LIFE_S, VALUE_BYTES_MAX, AnswerCache
from runtime.redis_link import RedisLink
from tests.support.answers import answered, make_reply, seek
from tests.support.clock import FakeClock
from tests.support.services import make_name, require_url

SOUGHT = seek()


class Copies:
    """Two processes that share a cache."""

    def __init__(self, url: str) -> None:
        clock = FakeClock()
        self.prefix = f"judgify:test:{make_name('cache')}:"
        self.links = [RedisLink(url, clock, answer_timeout_s=5.0) for _ in range(2)]
        self.one, self.other = (AnswerCache(link, clock, self.prefix) for link in self.links)
        client = self.links[0].client
        assert client is not None
        self.client = client

    @property
    def key(self) -> str:
        return self.prefix + SOUGHT.key


@pytest.fixture
async def copies() -> AsyncIterator[Copies]:
    made = Copies(require_url("REDIS_URL"))
    yield made
    await made.client.delete(made.key)
    for link in made.links:
        await link.close()


async def test_an_answer_of_one_copy_is_there_for_the_others_for_a_day(copies: Copies) -> None:
    answer, use = answered(SOUGHT, make_reply())
    assert await copies.other.find(SOUGHT) is None

    await copies.one.store(SOUGHT, answer, use)
    hit = await copies.other.find(SOUGHT)

    assert hit is not None
    assert hit.answer == answer
    assert LIFE_S - 60 < await copies.client.ttl(copies.key) <= LIFE_S


async def test_what_was_found_in_redis_is_kept_for_when_redis_is_away(copies: Copies) -> None:
    await copies.one.store(SOUGHT, *answered(SOUGHT, make_reply()))
    assert await copies.other.find(SOUGHT) is not None

    await copies.client.delete(copies.key)

    assert await copies.other.find(SOUGHT) is not None


@pytest.mark.parametrize("value", [b"", b"not ours", b"{}", b"x" * (VALUE_BYTES_MAX * 20)], ids=len)
async def test_a_value_that_is_not_ours_is_a_miss(copies: Copies, value: bytes) -> None:
    await copies.client.set(copies.key, value)

    assert await copies.one.find(SOUGHT) is None
    assert copies.links[0].failure is None


async def test_a_key_of_another_kind_is_a_miss(copies: Copies) -> None:
    await copies.client.lpush(copies.key, "x")

    assert await copies.one.find(SOUGHT) is None


async def test_a_verdict_that_somebody_writes_into_redis_stays_in_the_envelope(
    copies: Copies,
) -> None:
    await copies.one.store(SOUGHT, *answered(SOUGHT, make_reply()))
    value = await copies.client.get(copies.key)
    assert isinstance(value, bytes)
    await copies.client.set(copies.key, value.replace(b'\\"fail\\"', b'\\"ok\\"'))

    assert "ok" not in SOUGHT.question.verdicts
    assert await copies.other.find(SOUGHT) is None
