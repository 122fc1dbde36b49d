"""Unicode's normal forms: the same text as CPython's, in linear time."""

import random
import re
import sys
import time
import unicodedata
from typing import get_args

import pytest

from schemas import normal_form
from schemas.normal_form import Form, normalize

FORMS: tuple[Form, ...] = get_args(Form)
MARKS = [chr(code) for code in range(0x300, 0x20000) if unicodedata.combining(chr(code))]
OTHERS = "aeé가각\u1100\u1161\u11a8①\ufdfa\u0f71\u0f73\uff9e\uff9f\u01ed\U0001d15e"
CHARS = 65_536
HOSTILE = {
    "four classes, the highest first": "a"
    + "".join(mark * (CHARS // 4) for mark in "\u0345\u0300\u0316\u0334"),
    "two classes by turns": "a" + "\u0315\u0300" * (CHARS // 2),
    "letters that are marks": "\u0f73\u0316" * (CHARS // 2),
}
BUDGET_S = 2.0
"""A twentieth of what the square takes; the rest is for busy machines."""


@pytest.mark.parametrize("form", FORMS)
def test_it_is_the_same_text_as_cpythons(form: Form) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    drawn = random.Random(seed)
    for _ in range(300):
        marks = drawn.choices(MARKS, k=drawn.randrange(80))
        letters = drawn.choices(OTHERS, k=drawn.randrange(40))
        text = "".join(drawn.sample([*marks, *letters], len(marks) + len(letters)))
        text += "".join(drawn.choices(MARKS, k=drawn.randrange(80)))
        assert normalize(form, text) == unicodedata.normalize(form, text)


@pytest.mark.parametrize("form", ["NFC", "NFKC"])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_text_of_nothing_but_marks_holds_nobody_up(form: Form, text: str) -> None:
    started = time.process_time()
    normalize(form, text)
    assert time.process_time() - started < BUDGET_S


def test_every_mark_is_known() -> None:
    chars = list(map(chr, range(0x80, sys.maxunicode + 1)))
    marks = {
        char for char in chars if unicodedata.combining(unicodedata.normalize("NFKD", char)[0])
    }
    one = re.compile(normal_form._long_run().pattern.partition("{")[0])
    assert set(one.findall("".join(chars))) == marks
