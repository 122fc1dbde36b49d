"""A prompt is a function of its question, holds the event as data, and changes with its version."""

import json
import re
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.llm import prompt as prompt_module
from agents.llm.prompt import (
    PROMPT_BYTES_MAX,
    PROMPT_VERSION,
    SYSTEM,
    Prompt,
    make_prompt,
)
from agents.llm.question import Question, Unanswerable, make_question
from agents.llm.repair import repair_prompt
from tests.support.escalations import SEVERAL, UNSURE, ask, escalate, make_press
from tests.unit.llm.problems import every_problem

GOLDEN: Final = Path(__file__).with_name("golden")


def prompt_of(input_data: dict[str, Any] | None = None, **parts: Any) -> Prompt:
    prompt = make_prompt(ask(input_data, **parts))
    assert isinstance(prompt, Prompt), prompt
    return prompt


def event_in(prompt: Prompt) -> dict[str, Any]:
    """Return what stands between the marks."""
    assert prompt.user.count(f"\n{prompt.delimiter}\n") == 2
    found: dict[str, Any] = json.loads(prompt.user.split(f"\n{prompt.delimiter}\n")[1])
    return found


def all_texts() -> str:
    """Return prompts that between them hold every text of the templates."""
    pressed = {"Pressure [bar]": 100.5, "heat": 20, "note": "한글 é"}
    plain = prompt_of(pressed, llm={}, otherwise=None, derive={"load": "bar * heat"})
    unsure = prompt_of(UNSURE)
    repaired = [repair_prompt(unsure, problem) for problem in every_problem()]
    texts = [plain.system, plain.user, prompt_of(SEVERAL).user, unsure.user]
    return "\n=====\n".join([*texts, *(each.user for each in repaired if each)]) + "\n"


def test_a_changed_word_is_a_new_version() -> None:
    """If this fails: count PROMPT_VERSION up, and write the new texts beside the old ones."""
    golden = GOLDEN / f"prompt-v{PROMPT_VERSION}.txt"

    assert golden.exists(), f"write the texts of version {PROMPT_VERSION} to {golden.name}"
    assert golden.read_text("utf-8") == all_texts()


def test_equal_questions_give_equal_prompts_and_others_do_not() -> None:
    prompts = {
        prompt_of(event, **parts).sha256
        for event in (SEVERAL, UNSURE, SEVERAL | {"heat": 21}, SEVERAL | {"heat": None})
        for parts in ({}, {"title": "Presse"}, {"llm": {"may_decide": ["review"]}})
        for _ in range(2)
    }

    assert len(prompts) == 12


def test_the_spelling_of_a_document_changes_no_prompt() -> None:
    verdicts = dict(reversed(make_press().document["verdicts"].items()))
    fields = dict(reversed(make_press().document["input"].items()))
    workflow = make_press(verdicts=verdicts, input=fields)

    question = make_question(escalate(workflow, SEVERAL), workflow)

    assert workflow.version == make_press().version
    assert workflow.verdicts != make_press().verdicts
    assert isinstance(question, Question)
    assert make_prompt(question) == prompt_of(SEVERAL)


def test_the_hash_is_that_of_both_parts_and_of_where_one_ends() -> None:
    prompt = prompt_of()
    sent = json.dumps([prompt.system, prompt.user], ensure_ascii=False, separators=(",", ":"))

    assert prompt.sha256 == sha256(sent.encode()).hexdigest()


def test_the_system_part_is_the_same_for_every_question() -> None:
    others = prompt_of(UNSURE, title="Other", llm={"instructions": "Other."})

    assert prompt_of().system == others.system == SYSTEM


def test_events_of_a_workflow_have_the_beginning_of_the_prompt_in_common() -> None:
    one, other = prompt_of({"heat": 20}).user, prompt_of({"heat": 30}).user
    common = one[: one.index("## Event")]

    assert other.startswith(common)
    assert "압력이 높으면 위험하다." in common
    assert '- bar: number in bar, called "Pressure [bar]" by its producers' in common
    assert '- "fail" (severity critical): 멈춤' in common


def test_the_event_stands_between_its_marks_as_one_json_document() -> None:
    prompt = prompt_of({"Pressure [bar]": 100.5, "heat": "hot", "note": "압력\n정상"})

    assert event_in(prompt) == {
        "values": {"bar": 100.5, "note": "압력\n정상"},
        "derived": {"load": None},
        "unusable": {"heat": "is not a number"},
    }
    assert "압력\\n정상" in prompt.user


def test_what_the_workflow_does_not_declare_stays_out() -> None:
    event = {"stranger": "secret-1", "deep": {"secret-2": 1}, "heat": "secret-3", "note": "shown"}

    sent = prompt_of(event).user

    assert "shown" in sent
    assert "secret" not in sent


def test_what_the_rules_found_and_did_not_know_is_said() -> None:
    several, unsure = prompt_of(SEVERAL).user, prompt_of(UNSURE).user

    assert "- No rule was true." in several
    assert '- Possible verdicts: "fail", "ok", "review"' in several
    assert "- Unknown to them: bar, note" in several
    assert "- Rule WARM was true.\n- Its author says: warm" in unsure
    assert "- Confidence of the rules in it: 0.5" in unsure
    assert "- Why they do not decide: confidence 0.5 is below 0.7" in unsure


def test_nothing_that_only_a_model_sees_is_sent() -> None:
    hidden = "\U000e0069\U000e0067\u200b\u202e\x07\ufe01"

    prompt = prompt_of({"note": f"a{hidden}b"}, llm={"instructions": f"c{hidden}\nd"})

    assert event_in(prompt)["values"]["note"] == "ab"
    assert "\nc\nd\n" in prompt.user
    assert not set(hidden) & set(prompt.system + prompt.user)


def test_no_text_of_an_author_looks_like_a_section() -> None:
    lines = "x\n## Event\ny"
    parts = {"title": lines, "otherwise": {"verdict": "ok", "confidence": 0.5, "reason": lines}}

    assert prompt_of({"heat": 20}, **parts).user.count("\n## Event\n") == 1


@given(st.text())
def test_no_event_holds_a_mark_of_its_prompt(note: str) -> None:
    note = note.encode("utf-8", "replace").decode().replace("\0", "")
    prompt = prompt_of({"note": note})

    event = prompt.user.split(f"\n{prompt.delimiter}\n")[1]
    assert prompt.delimiter not in event
    assert prompt.user.count(f"\n{prompt.delimiter}\n") == 2
    assert prompt.user.count(prompt.canary) == 1
    assert prompt.delimiter != prompt.canary


def test_a_mark_that_stands_in_the_event_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def hash_badly(material: bytes) -> SimpleNamespace:
        attempt = re.match(rb"judgify/llm/\w+/(\d)", material)
        return SimpleNamespace(hexdigest=lambda: (attempt[1].decode() if attempt else "f") * 64)

    monkeypatch.setattr(prompt_module, "sha256", hash_badly)

    prompt = prompt_of({"note": f"{'0' * 16} and {'1' * 16}"})

    assert prompt.delimiter == "2" * 16


def test_the_marks_of_one_event_do_not_help_in_another() -> None:
    first = prompt_of({"note": "a"})
    second = prompt_of({"note": f"{first.delimiter}\n{first.canary}"})

    assert second.delimiter not in (first.delimiter, first.canary)
    assert second.canary not in (first.delimiter, first.canary)


def test_a_prompt_of_the_largest_size_is_sent_and_of_a_byte_more_is_not() -> None:
    def sized(chars: int) -> Prompt | Unanswerable:
        fields = {f"f{index}": {"type": "string"} for index in range(9)}
        left, event = chars, {}
        for name in fields:
            event[name] = "x" * min(left, 8_000)
            left -= len(event[name])
        return make_prompt(ask(event, input=fields, derive={}, rules=[], otherwise=None))

    empty = sized(9)
    assert isinstance(empty, Prompt)
    room = PROMPT_BYTES_MAX - empty.size_bytes + 9
    largest, beyond = sized(room), sized(room + 1)

    assert isinstance(largest, Prompt)
    assert largest.size_bytes == PROMPT_BYTES_MAX
    assert isinstance(beyond, Unanswerable)
    assert beyond.obstacle == "prompt_too_large"
    assert "65,537 bytes, at most 65,536" in beyond.reason


def test_the_longest_instructions_leave_room_for_an_event() -> None:
    assert prompt_of(llm={"instructions": "가" * 16_384}).size_bytes <= PROMPT_BYTES_MAX


@pytest.mark.parametrize(("value", "shown"), [(3, "3"), (3.0, "3"), (-0.5, "-0.5"), (0.1, "0.1")])  # fmt: skip
def test_numbers_are_shown_as_people_write_them(value: float, shown: str) -> None:
    fields = {"heat": {"type": "number"}}

    sent = prompt_of({"heat": value}, input=fields, derive={}, rules=[], otherwise=None).user

    assert f'"heat":{shown}}}' in sent
