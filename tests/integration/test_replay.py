"""Laws of sending and following on a real Kafka, with a stand-in that judges."""

import threading
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from judgify.replay.following import Wanted, follow_results
from judgify.replay.outcomes import Buried, Judged
from judgify.replay.report import make_summary
from judgify.replay.requests import RequestMaker
from judgify.replay.run import Plan, replay
from judgify.replay.sending import Outgoing
from judgify.replay.single import send_and_follow
from schemas.decode import ParsedRequest
from schemas.errors import DependencyError, MessageError
from tests.support.stand_in_agent import run_stand_in
from topics.registry import REQUEST_BYTES_MAX, RESULTS, full_name

TIMEOUT_S = 30.0


def judge(request: ParsedRequest) -> dict[str, object]:
    failed = request.input_data["n"] % 10 == 0
    return {"verdict": "fail" if failed else "ok", "rule": "TENTH" if failed else None}


def requests(count: int, start: int = 0) -> Iterator[Outgoing]:
    maker = RequestMaker("milling", id_column="n", subject_path=("machine",))
    for number in range(start, start + count):
        row = {"n": number, "machine": f"m-{number % 50}"}
        yield maker.make(row, row)


@pytest.fixture
def plan(kafka_bootstrap: str, provisioned_topics: str) -> Plan:
    return Plan(kafka_bootstrap, provisioned_topics, wait=True, timeout_s=TIMEOUT_S)


def test_a_replay_ends_when_each_request_has_an_outcome(plan: Plan) -> None:
    unreadable = [Outgoing(b"m-1", b"not json"), Outgoing(None, b"")]

    with run_stand_in(plan.bootstrap, plan.prefix, judge):
        run = replay(plan, [*requests(2_000), *unreadable], stop=threading.Event())

    summary = make_summary(run, None, waited=True)
    assert run.ending == "finished"
    assert summary["requests"] == 2_002
    assert summary["by_verdict"] == {"ok": 1_800, "fail": 200}
    assert summary["by_rule"] == {"otherwise": 1_800, "TENTH": 200}
    assert summary["dead_letters"] == 2
    assert {burial.code for burial in run.tally.burials} == {"empty", "unreadable"}


def test_a_second_run_counts_its_own_results_alone(plan: Plan) -> None:
    with run_stand_in(plan.bootstrap, plan.prefix, judge):
        replay(plan, requests(300), stop=threading.Event())
        again = replay(plan, requests(200), stop=threading.Event())

    assert (again.tally.requests, again.tally.judgments) == (200, 200)


def test_a_replay_beside_another_counts_its_own_results_alone(plan: Plan) -> None:
    other = threading.Thread(
        target=lambda: replay(plan, requests(500, 9_000), stop=threading.Event())
    )

    with run_stand_in(plan.bootstrap, plan.prefix, judge):
        other.start()
        run = replay(plan, requests(500), stop=threading.Event())
        other.join()

    assert (run.tally.requests, run.tally.judgments) == (500, 500)
    assert run.tally.missing() == []


def test_a_run_that_nobody_answers_ends_in_time_and_names_what_is_missing(plan: Plan) -> None:
    hasty = Plan(plan.bootstrap, plan.prefix, wait=True, timeout_s=0.5)

    run = replay(hasty, requests(20), stop=threading.Event())

    assert run.ending == "timed_out"
    assert len(run.tally.missing()) == 20


def test_a_run_that_is_stopped_accounts_for_what_it_sent(plan: Plan) -> None:
    stop = threading.Event()

    def some() -> Iterator[Outgoing]:
        yield from requests(100)
        stop.set()
        yield from requests(100, start=100)

    run = replay(plan, some(), stop=stop)

    assert run.ending == "interrupted"
    assert 100 <= run.tally.requests <= 101


def test_the_rate_is_kept(plan: Plan) -> None:
    slow = Plan(plan.bootstrap, plan.prefix, rate_per_s=100)

    run = replay(slow, requests(51), stop=threading.Event())

    assert 0.5 <= run.sending_s < 1.5


def test_a_request_that_is_too_large_is_refused_and_the_rest_accounted_for(plan: Plan) -> None:
    large = Outgoing(None, b"x" * (REQUEST_BYTES_MAX + 1))

    with pytest.raises(MessageError, match="at most"):
        replay(plan, [*requests(3), large], stop=threading.Event())


def test_without_topics_nothing_is_sent_and_the_way_out_is_named(kafka_bootstrap: str) -> None:
    lost = Plan(kafka_bootstrap, "nobody-made-these.", wait=True)

    with pytest.raises(DependencyError, match="judgify topics create"):
        replay(lost, requests(1), stop=threading.Event())


def test_what_is_sent_alone_is_followed_to_its_judgment(plan: Plan) -> None:
    [outgoing] = requests(1, start=10)

    with run_stand_in(plan.bootstrap, plan.prefix, judge):
        sent, outcome = send_and_follow(plan, outgoing, stop=threading.Event())

    assert isinstance(outcome, Judged)
    assert outcome.verdict == "fail"
    assert outcome.request == (sent.partition, sent.offset)


def test_bytes_that_are_no_request_are_followed_to_their_dead_letter(plan: Plan) -> None:
    with run_stand_in(plan.bootstrap, plan.prefix, judge):
        _, outcome = send_and_follow(plan, Outgoing(None, b"not json"), stop=threading.Event())

    assert isinstance(outcome, Buried)
    assert outcome.code == "unreadable"


def test_a_key_stands_on_one_partition_whoever_sends_it(plan: Plan) -> None:
    first, _ = send_and_follow(
        Plan(plan.bootstrap, plan.prefix), next(requests(1)), stop=threading.Event()
    )

    run = replay(Plan(plan.bootstrap, plan.prefix), requests(1), stop=threading.Event())

    [(partition, _)] = run.tally.sent()
    assert partition == first.partition


def test_results_are_followed_from_the_beginning_and_filtered(plan: Plan) -> None:
    with run_stand_in(plan.bootstrap, plan.prefix, judge):
        replay(plan, requests(100), stop=threading.Event())

    found = list(take(plan, 10, Wanted(verdict="fail")))

    assert {judgment["verdict"] for judgment in found} == {"fail"}
    assert len({judgment["judgment_id"] for judgment in found}) == 10


def take(plan: Plan, count: int, wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield the first `count` wanted results; fewer after the deadline."""
    stop = threading.Event()
    deadline = threading.Timer(TIMEOUT_S, stop.set)
    deadline.start()
    topic = full_name(RESULTS, plan.prefix)
    results = follow_results(plan.bootstrap, topic, beginning=True, wanted=wanted, stop=stop)
    yield from islice(results, count)
    deadline.cancel()
