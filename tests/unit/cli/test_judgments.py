"""Commands about what is stored: what they print, and with which exit code they end."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import typer

from judgify.cli import audit, console, dead_letters, judgments
from judgify.cli.since import parse_since
from sinks.postgres.audit import Audit, Loss
from tests.support.builders import make_judgment


def stored(**fields: Any) -> dict[str, Any]:
    return make_judgment(**fields).model_dump(mode="json") | {
        "stored_at": "2025-06-15T15:06:41.000Z"
    }


@pytest.mark.parametrize(
    ("text", "since"),
    [
        ("90s", timedelta(seconds=90)),
        ("7d", timedelta(days=7)),
        ("2026-11-21T12:00", datetime(2026, 11, 21, 12, tzinfo=UTC)),
        ("2026-11-21T12:00+09:00", datetime(2026, 11, 21, 3, tzinfo=UTC)),
    ],
)
def test_since_is_an_age_or_a_time(text: str, since: datetime | timedelta) -> None:
    assert parse_since(text) == since


@pytest.mark.parametrize("text", ["", "nope", "10", "10w", "-1h", "١٠m", "9999999s"])
def test_since_that_is_neither_is_refused_with_examples(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="write 90s, 10m"):
        parse_since(text)


def test_a_judgment_is_shown_with_all_that_a_person_asks_for() -> None:
    duplicate = {
        "origin": {"topic": "q", "partition": 1, "offset": 9, "timestamp": 1},
        "same_content": False,
    }

    text = "\n".join(judgments._describe(stored(unknown=["rpm"], test=True), [duplicate]))

    for word in (
        "fail: HDF",
        "unknown: rpm",
        "r-1",
        "a test",
        "judgify.requests.v1/0/0",
        '"rpm": 1300',
    ):
        assert word in text
    assert "duplicate at q/1/9: another verdict or input, not stored" in text


def test_a_long_event_is_cut_on_the_screen() -> None:
    text = "\n".join(judgments._describe(stored(input_data={"a": "x" * 9_000}), []))

    assert len(text) < 6_000
    assert "see --json" in text


def letter(**fields: Any) -> dict[str, Any]:
    return {
        "topic": "q", "partition": 1, "record_offset": 9, "record_ts": 5, "agent": "rule-agent",
        "key": b"k", "value": b"\xff\x1b[31m ok", "value_length": None, "value_sha256": None,
        "headers": [{"name": "h", "text": "v"}, {"name": "b", "base64": "/w=="}, {"name": "n"}],
        "kind": "message", "code": "unreadable", "reason": "not JSON", "agent_version": "0.1.0",
        "request_origin": "q/1/9/5", "at": "2025-06-15T15:06:40.000Z", "redrives": 0,
    } | fields  # fmt: skip


def test_a_dead_letter_shows_its_bytes_and_cannot_drive_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    console.say("\n".join(dead_letters._describe(letter())))

    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert r"value: \xff\x1b[31m ok" in said
    assert "q/1/9 was buried by rule-agent 0.1.0" in said
    assert "header b (base64): /w==" in said
    assert "header n: null" in said


@pytest.mark.parametrize(
    "field", ["agent", "agent_version", "code", "reason", "request_origin", "redriven_by"]
)
def test_no_line_break_in_a_dead_letter_begins_a_line_of_ours(field: str) -> None:
    honest = letter(redrives=1, redriven_to="postgres", redriven_at="2025", redriven_by="kim")
    forged = honest | {field: "x\nrequest: forged"}

    assert len(list(dead_letters._describe(forged))) == len(list(dead_letters._describe(honest)))
    assert "\nrequest: forged" not in "\n".join(dead_letters._describe(forged))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"value": None}, "value: null"),
        ({"headers": None}, "headers: could not be read"),
        ({"value": b"x" * 5_000}, "… 904 bytes more (see --raw)"),
        ({"value_length": 2_000_000, "value_sha256": "ab"}, "the original had 2,000,000 bytes"),
    ],
)
def test_what_a_dead_letter_does_not_hold_is_said(fields: dict[str, Any], words: str) -> None:
    assert words in "\n".join(dead_letters._describe(letter(**fields)))


def test_the_bytes_of_a_dead_letter_survive_json() -> None:
    shown = dead_letters._as_json(letter(value=b"\xff\x00"))

    assert (shown["value"], shown["value_base64"]) == ("\\xff\x00", "/wA=")


def test_a_clean_audit_says_so_and_an_unclean_one_names_what_is_missing() -> None:
    clean = audit.describe(Audit(judged=9, not_finished=2))
    at = datetime(2026, 1, 1, tzinfo=UTC)
    loss = Loss("q", 1, 0, "rule-agent", "offsets 0 to 9", at)
    unclean = audit.describe(
        Audit(judged=9, left_over=30, left_over_at=[f"q/0/{n}/1" for n in range(30)], lost=[loss])
    )

    assert clean[0] == "9 requests: 9 judged, 0 duplicates, 0 buried, 0 left over"
    assert clean[-1] == "nothing is left over, nothing was lost"
    assert "left over: q/0/9/1" in unclean
    assert "… and 20 more (see --json)" in unclean
    assert any("offsets 0 to 9" in line for line in unclean)
    assert audit.summarize(Audit(lost=[loss]))["clean"] is False


def test_what_an_llm_had_to_do_with_it_is_shown_on_lines_of_ours() -> None:
    use = {
        "model": "judgify-fake",
        "prompt_version": "1",
        "prompt_sha256": "ab" * 32,
        "tokens_in": 1_234,
        "tokens_out": 56,
        "cost_usd": 0.00125,
        "latency_ms": 812.4,
        "cached": False,
        "reply": '{"verdict":\n"fail"}\x1b[2J',
    }
    judgment = stored(method="hybrid", escalation="several verdicts are possible: ok, fail")

    text = "\n".join(judgments._describe(judgment | {"llm": use}, []))

    for words in (
        "asked an LLM because several verdicts are possible: ok, fail",
        "judgify-fake (a stand-in, no model), prompt 1, abababababab",
        "1,234 tokens in, 56 out, 0.001250 US dollars, 812 ms",
        'replied: {"verdict":\\n"fail"}\\x1b[2J',
        f"judgify llm prompt {judgment['judgment_id']}",
    ):
        assert words in text
    cached = "\n".join(judgments._describe(judgment | {"llm": use | {"cached": True}}, []))
    assert "answered before: the same question, no call" in cached
