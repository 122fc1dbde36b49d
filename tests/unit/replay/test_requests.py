"""Laws of requests made from rows: ids verbatim, keys by rule, test unless live."""

import json

import pytest

from judgify.replay.requests import RequestMaker
from schemas.decode import parse_request
from schemas.errors import MessageError

ROW = {"UDI": "007", "Product ID": "M14860", "Torque [Nm]": "42.8"}
INPUT = {"UDI": "007", "Product ID": "M14860", "Torque [Nm]": 42.8}


def test_a_request_carries_the_converted_row() -> None:
    outgoing = RequestMaker("milling").make(ROW, INPUT)

    request = parse_request(outgoing.value)
    assert request.workflow_id == "milling"
    assert request.input_data == INPUT
    assert request.request_id is None
    assert outgoing.key is None


def test_the_id_is_the_cell_verbatim() -> None:
    outgoing = RequestMaker("milling", id_column="UDI").make(ROW, {"UDI": 7})

    assert parse_request(outgoing.value).request_id == "007"


def test_a_number_in_json_serves_as_id_and_key() -> None:
    outgoing = RequestMaker("milling", id_column="n", key_column="n").make({"n": 12}, {"n": 12})

    assert parse_request(outgoing.value).request_id == "12"
    assert outgoing.key == b"12"


@pytest.mark.parametrize("cell", [None, "", "two words", "x" * 65, "온도", True, {"a": 1}])
def test_what_cannot_be_an_id_is_refused_with_its_column(cell: object) -> None:
    maker = RequestMaker("milling", id_column="id")

    with pytest.raises(MessageError, match="column 'id'") as refused:
        maker.make({"id": cell}, {})

    assert refused.value.code == "invalid_request_id"
    assert len(refused.value.reason) < 250


@pytest.mark.parametrize(
    ("maker", "key"),
    [
        (RequestMaker("w", id_column="UDI", key_column="Torque [Nm]"), b"42.8"),
        (RequestMaker("w", id_column="UDI", subject_path=("Product ID",)), b"M14860"),
        (RequestMaker("w", id_column="UDI", subject_path=("Machine", "id")), b"007"),
        (RequestMaker("w", id_column="UDI"), b"007"),
    ],
)
def test_the_key_is_the_column_else_the_subject_else_the_id(
    maker: RequestMaker, key: bytes
) -> None:
    assert maker.make(ROW, INPUT).key == key


def test_a_row_without_its_key_is_refused() -> None:
    with pytest.raises(MessageError, match="column 'nothing'"):
        RequestMaker("w", key_column="nothing").make(ROW, INPUT)


def test_requests_are_tests_unless_they_are_live() -> None:
    trial = RequestMaker("w").make(ROW, INPUT)
    live = RequestMaker("w", is_test=False).make(ROW, INPUT)

    assert parse_request(trial.value).test is True
    assert "test" not in json.loads(live.value)


def test_another_tenant_travels_and_the_default_does_not() -> None:
    ours = RequestMaker("w", tenant="plant-2").make(ROW, INPUT)
    default = RequestMaker("w").make(ROW, INPUT)

    assert parse_request(ours.value).tenant == "plant-2"
    assert "tenant" not in json.loads(default.value)


def test_a_value_that_has_no_json_form_is_refused() -> None:
    with pytest.raises(MessageError) as refused:
        RequestMaker("w").make(ROW, {"n": 2**80})

    assert refused.value.code == "not_json"
