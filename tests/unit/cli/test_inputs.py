"""Files of events are read row by row; what is wrong is told with its line."""

import json
from pathlib import Path

import pytest

from judgify.cli.inputs import COLUMNS_MAX, LINE_BYTES_MAX, Row, open_rows, parse_rows
from schemas.errors import FatalError, MessageError
from tests.support.workflows import make_workflow


def rows_of(path: Path, content: str | bytes) -> list[Row]:
    raw = content.encode() if isinstance(content, str) else content
    path.write_bytes(raw)
    return list(open_rows(path, make_workflow()))


def test_a_csv_row_keeps_its_cells_beside_the_converted_event(tmp_path: Path) -> None:
    rows = rows_of(tmp_path / "r.csv", "x,id\n007,007\n\n,9\n")

    assert rows == [
        Row(2, {"x": "007", "id": "007"}, {"x": 7, "id": "007"}),
        Row(4, {"x": "", "id": "9"}, {"id": "9"}),
    ]


def test_quoted_line_breaks_byte_order_marks_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    rows = rows_of(tmp_path / "r.csv", b'\xef\xbb\xbfx,s\r\n1,"a\r\nb"\r\n2,c\r\n')

    assert [(row.line, row.data) for row in rows] == [
        (3, {"x": 1, "s": "a\r\nb"}),
        (4, {"x": 2, "s": "c"}),
    ]


def test_reading_again_begins_again(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("x\n1\n2\n", "utf-8")
    rows = open_rows(path, make_workflow())

    assert list(rows) == list(rows)
    assert rows.count_roughly() == 2


BAD = {
    "nothing": ("r.csv", b"", "empty; the first line must name the columns"),
    "a short row": ("r.csv", b"x,s\n1,a\n1\n", "r.csv:3: 1 cells, but the header names 2"),
    "a long row": ("r.csv", b"x,s\n1,a,b\n", "r.csv:2: 3 cells, but the header names 2"),
    "a nameless column": ("r.csv", b"x,\n1,2\n", "r.csv:1: column 2 has no name"),
    "a column twice": ("r.csv", b"x,x\n1,2\n", "r.csv:1: the column 'x' is there twice"),
    "too many columns": ("r.csv", ",".join(f"c{n}" for n in range(COLUMNS_MAX + 1)).encode(), "more than 4,096 columns"),
    "semicolons": ("r.csv", b"x;s\n1;2\n", "save it with commas"),
    "an unclosed quote": ("r.csv", b'x,s\n1,"a\n', "r.csv:2: unexpected end of data"),
    "text behind a quote": ("r.csv", b'x,s\n1,"a"b\n', "r.csv:2:"),
    "latin-1": ("r.csv", "x\ncaf\xe9\n".encode("latin-1"), "r.csv:2: not UTF-8 at byte 4"),
    "utf-16": ("r.csv", "x\n1\n".encode("utf-16"), "r.csv:1: not UTF-8"),
    "a huge line": ("r.csv", b"x\n" + b"1" * (LINE_BYTES_MAX + 1), "r.csv:2: the line is longer than"),
    "a huge JSON line": ("r.ndjson", b'{"x":"' + b"1" * LINE_BYTES_MAX, "r.ndjson:1: the line is longer than"),
    "no JSON": ("r.ndjson", b'{"x": 1}\nnot json\n', "r.ndjson:2: "),
    "a JSON list per line": ("r.ndjson", b"[1]\n", "r.ndjson:1: no JSON object"),
    "a key twice": ("r.ndjson", b'{"x": 1, "x": 2}\n', "r.ndjson:1: "),
    "NaN": ("r.json", b'{"x": NaN}', "r.json: "),
    "a JSON number": ("r.json", b"5", "item 1 is no object"),
    "a list of numbers": ("r.json", b'[{"x": 1}, 2]', "item 2 is no object"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_read_is_told_with_its_line(tmp_path: Path, name: str) -> None:
    file, raw, said = BAD[name]

    with pytest.raises(MessageError) as caught:
        rows_of(tmp_path / file, raw)

    assert caught.value.code == "unreadable_input"
    assert said in caught.value.reason


def test_rows_before_a_bad_one_are_read(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("x\n1\n2\n3,4\n", "utf-8")
    rows = iter(open_rows(path, make_workflow()))

    assert [next(rows).data, next(rows).data] == [{"x": 1}, {"x": 2}]
    with pytest.raises(MessageError, match=r"r\.csv:4"):
        next(rows)


def test_one_event_or_a_list_of_them_is_json_input() -> None:
    assert [row.data for row in parse_rows(b' {"x": 1} ', "--input")] == [{"x": 1}]
    assert [row.line for row in parse_rows(json.dumps([{}, {}]).encode(), "--input")] == [1, 2]


@pytest.mark.parametrize(
    ("name", "said"), [("gone.csv", "no file"), ("r.txt", "must end with one of")]
)
def test_a_file_that_is_none_or_says_not_what_it_is_is_misuse(
    tmp_path: Path, name: str, said: str
) -> None:
    (tmp_path / "r.txt").write_text("x", "utf-8")

    with pytest.raises(FatalError, match=said):
        open_rows(tmp_path / name, make_workflow())
