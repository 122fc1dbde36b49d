"""What counts as a problem, and in which words an operator reads it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judgify.status.problems import find_problems
from judgify.status.snapshot import Snapshot
from judgify.status.words import duration, size


def seen_up(name: str = "rule-agent", **status: Any) -> dict[str, Any]:
    return {
        "name": name,
        "host": "127.0.0.1",
        "port": 8002,
        "status": {"process": name, "ready": True, "partitions": []} | status,
    }


def seen_down(name: str = "rule-agent", **more: Any) -> dict[str, Any]:
    return {"name": name, "host": "127.0.0.1", "port": 8002, "error": "connection refused"} | more


def partition(number: int = 3, topic: str = "judgify.results.v1", **more: Any) -> dict[str, Any]:
    known = {"topic": topic, "partition": number, "first_unfinished": 18_822, "log_end": 18_900}
    return known | more


def away(name: str, address: str = "127.0.0.1:15432") -> dict[str, Any]:
    return {"name": name, "address": address, "error": "connection refused"}


HELD = {
    "kind": "dependency",
    "name": "postgres",
    "reason": "connection refused 127.0.0.1:15432",
    "since_s": 845,
}


def texts(**fields: Any) -> list[str]:
    snapshot = Snapshot.model_validate({"data_dir": "/data"} | fields)
    return [problem.text for problem in find_problems(snapshot)]


def test_nothing_wrong_is_no_problem() -> None:
    assert (
        texts(
            processes=[
                seen_up(partitions=[partition(oldest_unfinished_s=1)]),
                seen_up("postgres-sink"),
            ],
            dependencies=[{"name": "kafka", "address": "h:1"}],
            dead_letters=[
                {"agent": "rule-agent", "kind": "message", "code": "unreadable", "records": 3}
            ],
            disk={"path": "/data", "free_bytes": 10**12, "total_bytes": 10**13},
            local=True,
        )
        == []
    )


def test_a_stopped_sink_is_told_as_the_design_says() -> None:
    sink = seen_up("postgres-sink", partitions=[partition(held=HELD)])

    (text,) = texts(processes=[sink])

    assert text == (
        "postgres-sink stopped at results.v1/3 offset 18822 for 14 min: "
        "connection refused 127.0.0.1:15432. Judging goes on, nothing is lost. "
        "Do: start PostgreSQL."
    )


def test_one_cause_in_many_partitions_is_one_problem() -> None:
    views = [partition(n, held=HELD | {"since_s": n * 60}) for n in range(12)]

    (text,) = texts(processes=[seen_up("postgres-sink", partitions=views)])

    assert "results.v1/0 offset 18822 and 11 other partitions for 11 min" in text


def test_a_stopped_sink_explains_the_absent_database() -> None:
    sink = seen_up("postgres-sink", partitions=[partition(held=HELD)])

    told = texts(processes=[sink], dependencies=[away("postgres")])

    assert len(told) == 1
    assert told[0].startswith("postgres-sink stopped")


def test_an_absent_database_is_told_by_itself_when_nobody_waits_for_it() -> None:
    (text,) = texts(processes=[seen_up("postgres-sink")], dependencies=[away("postgres")])

    assert text.startswith("PostgreSQL does not answer at 127.0.0.1:15432: connection refused.")
    assert text.endswith("Do: start PostgreSQL.")


@pytest.mark.parametrize(
    ("view", "local", "advice"),
    [
        ({"error": "no answer", "trouble": "away"}, False, "start PostgreSQL."),
        ({"error": "no answer", "trouble": "away"}, True, "wait, `judgify up` starts PostgreSQL"),
        ({"error": "no answer", "trouble": "mute"}, True, "find what blocks PostgreSQL (a full "),
        ({"error": "28P01: no", "trouble": "refuses"}, False, "mend what it says;"),
        ({"error": None}, True, "PostgreSQL answers us, so mend what it says;"),
    ],
)
def test_nobody_is_told_to_start_what_runs(view: dict[str, Any], local: bool, advice: str) -> None:
    sink = seen_up("postgres-sink", partitions=[partition(held=HELD)])
    known = {"name": "postgres", "address": "h:5432"}

    told = texts(processes=[sink], dependencies=[known | view], local=local)

    assert len(told) == 1
    assert f"Do: {advice}" in told[0]


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ("mute", "PostgreSQL accepts connections at h:5432 but does not answer: because."),
        ("refuses", "PostgreSQL answers at h:5432, but: because."),
        ("away", "PostgreSQL does not answer at h:5432: because."),
    ],
)
def test_a_database_that_is_mute_is_told_from_one_that_is_away(trouble: str, words: str) -> None:
    view = {"name": "postgres", "address": "h:5432", "error": "because", "trouble": trouble}

    (text,) = texts(dependencies=[view])

    assert text.startswith(words)


def test_an_absent_kafka_is_told_once_and_first() -> None:
    held = {"kind": "dependency", "name": "kafka", "reason": "gone", "since_s": 5}
    agent = seen_up(ready=False, problems=["connecting"], partitions=[partition(held=held)])

    told = texts(processes=[agent], dependencies=[away("postgres"), away("kafka", "h:9092")])

    assert [text.split(" ")[0] for text in told] == ["PostgreSQL", "Kafka"]


def test_a_record_that_kills_its_process_comes_with_the_command_that_buries_it() -> None:
    held = {"kind": "record", "reason": "it ended the process 3 times", "since_s": 7_300}
    views = [partition(n, "judgify.requests.v1", held=held) for n in (1, 2)]

    told = texts(processes=[seen_up(partitions=views)])

    assert len(told) == 2
    assert "rule-agent holds requests.v1/1 offset 18822 for 2 h: it ended the process 3" in told[0]
    assert "`judgify skip judgify.requests.v1/1/18822 --reason TEXT`" in told[0]


def test_a_process_that_is_down_says_how_much_waits() -> None:
    behind = [partition(n, "judgify.requests.v1") for n in range(2)]

    (text,) = texts(processes=[seen_down(behind=behind)])

    assert text.startswith(
        "rule-agent does not answer on 127.0.0.1:8002: connection refused; 156 records wait. "
        "Nothing is judged;"
    )
    assert text.endswith("Do: `judgify run rule-agent`.")


def test_a_process_of_the_local_stack_is_started_again_by_it() -> None:
    (text,) = texts(
        local=True, processes=[seen_down(last_exit="killed by SIGKILL", restarts_total=1)]
    )

    assert "; its last end: killed by SIGKILL, 1 restart." in text
    assert "`judgify up` starts it again" in text


def test_a_process_that_is_not_ready_says_why() -> None:
    (text,) = texts(processes=[seen_up(ready=False, problems=["joining the group"])])

    assert text.startswith("rule-agent is not ready: joining the group.")


def test_another_process_on_the_port_is_noticed() -> None:
    (text,) = texts(processes=[seen_up("rule-agent") | {"name": "postgres-sink"}])

    assert "answers as rule-agent, not as postgres-sink" in text
    assert "JUDGIFY_POSTGRES_SINK_PORT" in text


@pytest.mark.parametrize(("age_s", "problems"), [(60, 0), (61, 1)])
def test_being_behind_is_a_problem_after_a_minute(age_s: float, problems: int) -> None:
    view = partition(topic="judgify.requests.v1", oldest_unfinished_s=age_s)

    told = texts(processes=[seen_up(partitions=[view])])

    assert len(told) == problems
    assert all("--port auto" in text and "78 records wait" in text for text in told)


def test_missing_topics_are_told() -> None:
    (text,) = texts(topics_missing=["judgify.requests.v1"])

    assert text.endswith("Do: `judgify topics create`.")


@pytest.mark.parametrize("kind", ["bug", "lost"])
def test_a_grave_kind_of_dead_letter_is_a_problem(kind: str) -> None:
    letters = [{"agent": "rule-agent", "kind": kind, "code": "x", "records": 1_204}]

    (text,) = texts(dead_letters=letters)

    assert text.startswith("1,204 records were ")
    assert "(rule-agent)" in text


@pytest.mark.parametrize(("sent_again", "told"), [(0, "5 records"), (3, "2 records"), (5, "")])
def test_what_was_sent_again_is_no_problem_any_more(sent_again: int, told: str) -> None:
    letter = {"agent": "rule-agent", "kind": "bug", "code": "x", "records": 5}

    said = texts(dead_letters=[letter | {"sent_again": sent_again}])

    assert "".join(said).startswith(told)
    assert bool(said) is bool(told)


@pytest.mark.parametrize(
    ("free_gib", "local", "told"),
    [
        (0.5, True, "Nothing is sent, and the sink waits. Do: make room, at least 1.5 GiB."),
        (
            1.5,
            True,
            "Below 1.0 GiB nothing is sent, and the sink waits. Do: make room, at least 51",
        ),
        (2.5, True, None),
        (0.5, False, None),
    ],
)
def test_a_short_disk_matters_where_the_data_lies(
    free_gib: float, local: bool, told: str | None
) -> None:
    free = int(free_gib * 2**30)
    disk = {"path": "/data", "free_bytes": free, "total_bytes": 2**40, "floor_bytes": 2**30}

    said = texts(disk=disk, local=local)

    assert len(said) == (told is not None)
    assert told is None or told in said[0]


def test_no_stack_is_one_problem_with_the_way_out() -> None:
    (text,) = texts(stack_missing=True, processes=[seen_down()])

    assert "Do: `judgify up`, or set KAFKA_BOOTSTRAP_SERVERS." in text


views = st.fixed_dictionaries(
    {"topic": st.text(max_size=9), "partition": st.integers(0, 99)},
    optional={
        "first_unfinished": st.none() | st.integers(0),
        "log_end": st.none() | st.integers(0),
        "oldest_unfinished_s": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "held": st.none()
        | st.fixed_dictionaries(
            {"kind": st.sampled_from(["dependency", "record", "other"])},
            optional={"name": st.text(max_size=9), "since_s": st.none() | st.floats(0, 1e9)},
        ),
    },
)


@given(partitions=st.lists(views, max_size=5), ready=st.booleans())
def test_whatever_a_process_says_becomes_whole_sentences(
    partitions: list[dict[str, Any]], ready: bool
) -> None:
    told = texts(processes=[seen_up(partitions=partitions, ready=ready)])

    assert all(" Do: " in text and text.endswith(".") for text in told)
    assert ready or told


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.04, "0.0 s"),
        (12, "12 s"),
        (119, "119 s"),
        (845, "14 min"),
        (7_200, "2 h"),
        (200_000, "2 d"),
    ],
)
def test_durations_read_well(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_sizes_read_well() -> None:
    assert [size(n) for n in (5, 1536, 3 * 2**30, 2**50)] == [
        "5 B",
        "1.5 KiB",
        "3.0 GiB",
        "1024.0 TiB",
    ]
