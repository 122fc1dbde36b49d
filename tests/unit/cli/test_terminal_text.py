"""What outsiders write can neither drive a terminal nor pass for our own words."""

import json

from hypothesis import given
from hypothesis import strategies as st

from judgify.cli.terminal_text import (
    printable,
    printable_block,
    printable_json,
    printable_line,
)

HOSTILE = "\x1b[31m\x9b31m\u202ex\u2066\u200b\U000e0041\nfake line"


def test_controls_and_invisible_characters_are_spelled_out() -> None:
    shown = printable(HOSTILE)

    assert shown == "\\x1b[31m\\x9b31m\\u202ex\\u2066\\u200b\\ue0041\nfake line"


def test_a_line_stays_one_line_and_a_block_is_indented() -> None:
    assert "\n" not in printable_line(HOSTILE)
    assert printable_block("a\nheader x: y") == "a\n  header x: y"


@given(
    st.recursive(
        st.text() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_json_stays_the_same_document(value: object) -> None:
    document = json.dumps(value, ensure_ascii=False)

    shown = printable_json(document)

    assert json.loads(shown) == value
    assert not set(shown) & set("\x7f\x9b\u202e\u200b\U000e0041")
