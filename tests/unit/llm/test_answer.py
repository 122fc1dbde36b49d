"""A reply is an answer inside the envelope, or it is none; whatever the bytes are."""

import base64
import json
import time
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from agents.llm.answer import (
    REASON_CHARS_MAX,
    REPLY_BYTES_MAX,
    REPLY_KEPT_CHARS_MAX,
    Answer,
    InvalidAnswer,
    answer_model,
    check_answer,
    record_reply,
)
from agents.llm.prompt import Prompt, make_prompt
from agents.llm.question import Question
from tests.support.escalations import SEVERAL, UNSURE, ask

QUESTION: Final = ask(SEVERAL)
_PROMPT = make_prompt(QUESTION)
assert isinstance(_PROMPT, Prompt)
PROMPT: Final[Prompt] = _PROMPT
CHECK_S_MAX: Final = 2.0
"""The worst that was measured is 0.05 s; a machine may be crowded."""


def check(raw: str | bytes) -> Answer | InvalidAnswer:
    return check_answer(raw, QUESTION, PROMPT)


def kind_of(raw: str | bytes) -> str:
    found = check(raw)
    assert isinstance(found, InvalidAnswer), found
    return found.kind


def reply(**parts: Any) -> str:
    """Return a sound reply with `parts` in place of its own; bytes stand for JSON as written."""
    written = {"verdict": "fail", "confidence": 0.9, "reasons": ["bar is unknown"]} | parts
    members = (
        f"{json.dumps(key)}: {each.decode() if isinstance(each, bytes) else json.dumps(each, ensure_ascii=False)}"
        for key, each in written.items()
    )
    return "{" + ", ".join(members) + "}"


def test_a_sound_reply_is_an_answer_in_any_spelling_of_json() -> None:
    answer = Answer("fail", 0.9, ("bar is unknown",))

    assert check(reply()) == check(reply().encode()) == check(f"\n {reply()} \n") == answer
    assert check(json.dumps(dict(reversed(json.loads(reply()).items())))) == answer


@pytest.mark.parametrize("confidence", [0.7, 1, 1.0, b"7e-1", b"0.70"])
def test_the_bounds_of_the_confidence_are_inside(confidence: Any) -> None:
    assert isinstance(check(reply(confidence=confidence)), Answer)


def test_zero_is_a_confidence_where_the_workflow_takes_it() -> None:
    question = ask(SEVERAL, llm={"min_confidence": 0, "may_decide": ["fail"]})

    assert check_answer(reply(confidence=0), question, PROMPT) == Answer(
        "fail", 0.0, ("bar is unknown",)
    )


UNREADABLE = [
    "", " ", "fail", "The verdict is fail.", "null and void", "```json\n" + reply() + "\n```", reply() + reply(),
    reply() + " I hope this helps.", "<html><body>502</body></html>", reply()[:-1], "{'verdict': 'fail'}",
    reply(confidence=b"NaN"), reply(confidence=b"Infinity"), reply(confidence=b"1e400"), reply(confidence=b"-1e999"),
    reply(confidence=b"9007199254740993"), reply(confidence=b".9"), reply(confidence=b"+1"), reply(confidence=b"0x1"),
    reply(reasons=b'["\\u0000"]'), reply(reasons=b'["\\ud800"]'), reply(reasons=b"[" * 40 + b"]" * 40),
    '{"verdict": "ok", ' + reply()[1:], reply()[:-1] + ', "verdict": "ok"}', "\ufeff" + reply(), reply() + "\x00",
    "\ud800", b"\xff\xfe", reply().encode("utf-16"), "[" * 30_000, '{"a":' * 5_000, "1" * 30_000, '"' * 32_000,
]  # fmt: skip


@pytest.mark.parametrize("raw", UNREADABLE)
def test_no_verdict_is_read_out_of_what_is_not_strict_json(raw: str | bytes) -> None:
    assert kind_of(raw) == "unreadable"


@pytest.mark.parametrize(
    "raw",
    [
        "null", "true", "[]", '"fail"', "1", "{}", f"[{reply()}]", '{"verdict": "fail"}',
        reply(action="stop the machine"), reply(note=None), '{"Verdict": "fail", "confidence": 1, "reasons": []}',
        '{"verdict": "fail", "confidence": 1, "reason": []}', f'{{"answer": {reply()}}}',
    ],
)  # fmt: skip
def test_other_keys_than_those_three_are_no_answer(raw: str) -> None:
    assert kind_of(raw) == "shape"


@pytest.mark.parametrize(
    "verdict",
    ["ok", "scrap", "approve", "undetermined", "FAIL", "Fail", " fail", "fail ", "fail\u200b", "ｆａｉｌ", "", None, 1, True, [], ["fail"], {"fail": 1}],
)  # fmt: skip
def test_no_verdict_outside_of_the_envelope_is_an_answer(verdict: Any) -> None:
    assert kind_of(reply(verdict=verdict)) == "verdict"


@pytest.mark.parametrize(
    "confidence", [True, False, None, "0.99", "high", [0.9], {}, -0.0001, 1.0001, 2, -1, 99, 1e300]
)
def test_no_confidence_but_a_number_from_0_to_1_is_one(confidence: Any) -> None:
    assert kind_of(reply(confidence=confidence)) == "confidence"


@pytest.mark.parametrize(("confidence", "kind"), [(0.6999, "unsure"), (0, "unsure"), (b"-0.0", "unsure")])  # fmt: skip
def test_an_answer_that_is_not_sure_enough_is_none(confidence: Any, kind: str) -> None:
    assert kind_of(reply(confidence=confidence)) == kind


def test_how_much_is_missing_is_said_without_rounding_it_away() -> None:
    assert check(reply(confidence=0.69999)) == InvalidAnswer(
        "unsure", "confidence 0.69999 is below 0.7"
    )


REACHING = [
    "see http://a.example/x", "HTTPS://a.example", "ftp://a", "hxx: //a", "javascript:alert(1)", "data:text/html,x",
    "mailto:a@b.example", "www.example.org", "look at evil.com/pay", "[click](x)", "![pixel](x)", "[a]: x", "<b>x</b>",
    "<img src=x onerror=alert(1)>", "</script>", "<!-- x -->", "&lt;b&gt;", "&#60;", "{{7*7}}", "${x}", "<%= x %>",
    "ｈｔｔｐ：／／ａ.example", "＜script＞",
]  # fmt: skip
INVISIBLE = [
    "a\u202eb", "a\u2066b", "a\u200bb", "a\ufeffb", "\U000e0041", "a\x1b[31mb", "a\x07", "a\x7f", "\ufff9", "\ue000",
    "\u3164", "a\u00adb", "\ufe00",
]  # fmt: skip


@pytest.mark.parametrize(
    "reasons", [None, "because", {}, [1], [None], [["a"]], ["a", True], ["a"] * 6, [""] * 5_000]
)
def test_reasons_are_at_most_five_texts(reasons: Any) -> None:
    assert kind_of(reply(reasons=reasons)) == "reasons"


@pytest.mark.parametrize("reason", REACHING + INVISIBLE)
def test_a_reason_with_a_link_markup_or_something_invisible_makes_no_answer(reason: str) -> None:
    assert kind_of(reply(reasons=["fine", reason])) == "reasons"


@pytest.mark.parametrize(
    "reason",
    [
        "heat < 900 and bar > 3.5", "마모 시간이 200분을 넘었다. 위험하다!", "bar is *high* and `heat` is 20 °C", "50% & rising", "a.b and 1.5",
        "see rule [HIGH] (load)", "data: torque 40", "note: ok/review", "🔥️", "load > 100_000 {estimate}", "a <= b", "Tool <5 min",
    ],
)  # fmt: skip
def test_what_people_write_is_kept_as_it_is(reason: str) -> None:
    assert check(reply(reasons=[reason])) == Answer("fail", 0.9, (reason,))


def test_reasons_are_one_line_each_cut_and_masked() -> None:
    secret = "card 4111 1111 1111 1111"

    answer = check(reply(reasons=["a\n\n b\tc ", "가" * 600, secret, " "]))

    assert isinstance(answer, Answer)
    assert answer.reasons[0] == "a b c"
    assert answer.reasons[1] == "가" * (REASON_CHARS_MAX - 1) + "…"
    assert "4111" not in answer.reasons[2]
    assert len(answer.reasons) == 3


def shift_up(text: str) -> str:
    """Return the text in full-width letters."""
    return "".join(chr(0xFEE0 + ord(char)) for char in text)


MARKS = (PROMPT.canary, PROMPT.delimiter)


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize(
    "disguise",
    [
        lambda mark: mark,
        lambda mark: mark.upper(),
        " ".join,
        "\u200b".join,
        lambda mark: "-".join([mark[:8], mark[8:]]),
        lambda mark: "".join(chr(0xE0000 + ord(char)) for char in mark),
        shift_up,
        lambda mark: base64.b64encode(f"seal {mark}".encode()).decode(),
    ],
    ids=["plain", "upper", "spaced", "zero-width", "halves", "tags", "full-width", "base64"],
)
def test_a_reply_that_gives_a_mark_away_is_a_leak_whatever_else_it_is(
    mark: str, disguise: Any
) -> None:
    shown = disguise(mark)

    assert kind_of(reply(reasons=[shown])) == kind_of(f"Sure! The seal is {shown}.") == "leak"
    assert kind_of(reply(verdict=shown)) == kind_of(reply(**{shown: 1})) == "leak"


@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_behind_whatever_grows_when_it_is_read_is_a_leak_too(mark: str) -> None:
    assert kind_of("\ufdfa" * 10_800 + shift_up(mark)) == "leak"


def test_a_reply_of_the_largest_size_is_read_and_of_a_byte_more_is_not() -> None:
    padding = " " * (REPLY_BYTES_MAX - len(reply()))

    assert isinstance(check(reply() + padding), Answer)
    assert kind_of(reply() + padding + " ") == "too_large"
    assert kind_of("가" * (REPLY_BYTES_MAX // 2)) == "too_large"
    assert kind_of(b"{" * 50_000_000) == "too_large"


_JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from([*QUESTION.verdicts, "ok", "고장", *MARKS]),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.sampled_from(["verdict", "confidence", "reasons", "x"]), inner),
    max_leaves=12,
)  # fmt: skip
_REPLIES: Final = (
    st.binary(max_size=300)
    | st.text(st.characters(), max_size=300)
    | _JSON.map(json.dumps)
    | st.fixed_dictionaries(
        {"verdict": _JSON | st.sampled_from([*QUESTION.verdicts, "고장"]), "confidence": _JSON | st.floats(0, 1), "reasons": _JSON | st.lists(st.text(max_size=40), max_size=6)}
    ).map(json.dumps)
)  # fmt: skip


QUESTIONS: Final = (
    QUESTION,
    ask(UNSURE),
    ask(SEVERAL, llm={"may_decide": ["fail"], "min_confidence": 1}),
    ask({}, verdicts={"정상": {}, "고장": {}}, rules=[], otherwise=None, llm={"min_confidence": 0}),
)


@settings(max_examples=300, deadline=CHECK_S_MAX * 1_000)
@given(_REPLIES, st.sampled_from(QUESTIONS))
def test_every_reply_is_an_answer_inside_the_envelope_or_none(
    raw: str | bytes, question: Question
) -> None:
    prompt = make_prompt(question)
    assert isinstance(prompt, Prompt)

    found = check_answer(raw, question, prompt)

    if isinstance(found, Answer):
        assert found.verdict in question.verdicts
        assert question.min_confidence <= found.confidence <= 1
        assert found.confidence.__class__ is float
        assert len(found.reasons) <= 5
        assert all(0 < len(each) <= REASON_CHARS_MAX for each in found.reasons)
    else:
        assert 0 < len(found.reason) < 300


@settings(max_examples=200)
@given(st.sampled_from(["ok", "scrap", "x"]) | st.text(max_size=9), st.floats(0, 1))
def test_a_sound_reply_decides_exactly_when_its_verdict_may_be_chosen(
    verdict: str, confidence: float
) -> None:
    found = check(json.dumps({"verdict": verdict, "confidence": confidence, "reasons": []}))

    assert isinstance(found, Answer) == (verdict in QUESTION.verdicts and confidence >= 0.7)


WORST: Final = {
    "escaped quotes": '"' + '\\"' * 16_000,
    "brackets": "[],{}" * 6_500,
    "one key often": "{" + '"a":1,' * 5_000 + '"a":1}',
    "base64 in base64": base64.b64encode(base64.b64encode(b"x" * 16_000)).decode(),
    "many runs": " ".join(["QUJDREVGR0hJSktM"] * 1_900),
    "ligatures": "\ufdfa" * 10_900,
    "hyphens in a reason": reply(reasons=["a-" * 15_000]),
    "letters in a reason": reply(reasons=["a" * 32_000]),
    "marks in the wrong order": reply(reasons=["a" + "\u0345" * 7_000 + "\u0300" * 7_000]),
    "tags in a reason": reply(reasons=["&" * 32_000]),
    "digits": "9" * 32_000,
}


@pytest.mark.parametrize("raw", WORST.values(), ids=WORST)
def test_the_worst_replies_take_no_longer_than_others(raw: str) -> None:
    started_s = time.process_time()

    check(raw)

    assert time.process_time() - started_s < CHECK_S_MAX


def test_the_schema_that_the_endpoint_enforces_is_that_of_an_answer() -> None:
    schema = answer_model(("fail", "멈춤")).model_json_schema()

    assert schema["properties"]["verdict"]["enum"] == ["fail", "멈춤"]
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["verdict", "confidence", "reasons"]
    assert schema["properties"]["reasons"]["maxItems"] == 5
    assert (schema["properties"]["confidence"]["minimum"], schema["properties"]["confidence"]["maximum"]) == (0, 1)  # fmt: skip


def test_what_the_schema_refuses_is_no_answer_to_us_either() -> None:
    model = answer_model(QUESTION.verdicts)

    for raw in (reply(verdict="ok"), reply(confidence=2), reply(reasons=["a"] * 6), reply(x=1)):
        with pytest.raises(ValidationError):
            model.model_validate_json(raw)
        assert isinstance(check(raw), InvalidAnswer)
    assert model.model_validate_json(reply()).model_dump()["verdict"] == "fail"


def test_a_single_choice_is_a_schema_too() -> None:
    assert answer_model(("fail",)).model_json_schema()["properties"]["verdict"]["enum"] == ["fail"]


@given(st.text(st.characters()))
def test_a_recorded_reply_can_be_stored_whatever_it_was(raw: str) -> None:
    kept = record_reply(raw)

    assert kept.encode().decode() == kept
    assert "\0" not in kept


def test_a_recorded_reply_is_cut_and_says_so() -> None:
    assert record_reply("a" * REPLY_KEPT_CHARS_MAX) == "a" * REPLY_KEPT_CHARS_MAX
    assert record_reply("a" * (REPLY_KEPT_CHARS_MAX + 5)).endswith("a… [5 characters cut]")
