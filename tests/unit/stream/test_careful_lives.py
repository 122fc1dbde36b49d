"""A record that ends processes among many partitions: it alone is held, and found soon."""

import random

import pytest

from stream import careful
from stream import pipeline as pipeline_module
from stream.attempts import CHUNK_RECORDS, DEATHS_MARKED_MAX, DEATHS_MAX
from stream.ledger import TopicPartition
from tests.support.lives import Lives
from tests.support.seams import REQUESTS

TPS = tuple(TopicPartition(REQUESTS, number) for number in range(3))
LIVES_MAX = 20


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline_module, "ROOM_POLL_S", 0)
    monkeypatch.setattr(pipeline_module, "LINGER_S", 0)
    monkeypatch.setattr(careful, "POLL_S", 0)


def make_lives(*killers: tuple[TopicPartition, int], records: int = 1_000) -> Lives:
    lives = Lives(TPS, set(killers))
    for tp in TPS:
        lives.thread.append(tp, *[b"x"] * records)
    return lives


async def count_deaths(lives: Lives) -> int:
    """Return how many processes die before one lives on."""
    for died in range(LIVES_MAX):
        if await lives.live():
            return died
    pytest.fail("no process lives on")


@pytest.mark.parametrize("seed", [random.randrange(10**9) for _ in range(3)])
async def test_no_record_of_another_partition_is_held_for_it(seed: int) -> None:
    print("seed", seed)
    random_ = random.Random(seed)
    tp, offset = random_.choice(TPS), random_.randrange(1_000)
    lives = make_lives((tp, offset))

    died = await count_deaths(lives)

    assert lives.held == {(f"{tp.topic}/{tp.partition}", offset)}
    assert died == DEATHS_MAX + 1 + DEATHS_MARKED_MAX


async def test_each_of_several_is_found_and_held() -> None:
    lives = make_lives((TPS[0], 0), (TPS[2], 999))

    died = await count_deaths(lives)

    assert lives.held == {(f"{REQUESTS}/0", 0), (f"{REQUESTS}/2", 999)}
    assert died <= 2 * (DEATHS_MAX + 1 + DEATHS_MARKED_MAX)


async def test_ten_thousand_innocents_cost_a_hundred_commits() -> None:
    lives = make_lives(records=10_000)
    lives.thread.committed[TPS[0]] = 0
    lives.thread.metadata[TPS[0]] = f"judgify working deaths={DEATHS_MAX - 1}"

    assert await lives.live()

    marked = [commit[TPS[0]] for commit in lives.thread.commits if TPS[0] in commit]
    assert marked == [(number + 1) * CHUNK_RECORDS for number in range(100)]
    assert lives.thread.metadata[TPS[0]] == "judgify working"
