"""Laws of the report: exact keys, null for what is not known, gaps named by range."""

from judgify.replay.outcomes import Buried, Judged, Position
from judgify.replay.report import describe, describe_missing, make_summary
from judgify.replay.run import Run


def make_run() -> Run:
    run = Run(sending_s=0.5, seconds=2.0)
    for offset in range(4):
        run.tally.add_sent(Position(0, offset), 1_000)
    for offset, verdict in enumerate(("ok", "ok", "fail")):
        place = Position(0, offset)
        rule = "HDF" if verdict == "fail" else None
        judged = Judged(place, f"j-{offset}", "decided", verdict, rule, 10, b"", 0, offset)
        run.tally.add_outcome(judged)
    run.tally.add_outcome(Buried(Position(0, 3), "rule-agent", "unreadable", "bad", 0, 0))
    return run


def test_the_summary_has_the_promised_keys() -> None:
    summary = make_summary(make_run(), 1, waited=True)

    assert summary == {
        "requests": 4,
        "judgments": 3,
        "duplicates": 1,
        "by_status": {"decided": 3},
        "by_verdict": {"ok": 2, "fail": 1},
        "by_rule": {"otherwise": 2, "HDF": 1},
        "dead_letters": 1,
        "seconds": 2.0,
    }


def test_what_was_not_waited_for_is_null_not_zero() -> None:
    summary = make_summary(make_run(), None, waited=False)

    assert summary["requests"] == 4
    assert {name for name, value in summary.items() if value is None} == {
        "judgments", "duplicates", "by_status", "by_verdict", "by_rule", "dead_letters",
    }  # fmt: skip


def test_people_read_counts_rate_latency_and_why_something_was_buried() -> None:
    text = "\n".join(describe(make_run(), 1, waited=True))

    assert "ok 2 · fail 1" in text
    assert "p50 10 ms · p99 10 ms" in text
    assert "(2/s)" in text
    assert "1 buried by rule-agent: unreadable" in text


def test_missing_requests_are_named_as_ranges() -> None:
    missing = [Position(0, 4), Position(0, 5), Position(0, 7), Position(2, 8)]

    assert describe_missing(missing, "t") == "t/0 4-5, t/0 7, t/2 8"


def test_only_so_many_ranges_are_spelled_out() -> None:
    missing = [Position(partition, 0) for partition in range(30)]

    text = describe_missing(missing, "t")

    assert text.count("t/") == 10
    assert text.endswith(", …")
