"""Ids are the field's standard ones, only made faster."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from schemas.identity import NAMESPACE, make_judgment_id, make_request_id


def test_the_published_example_of_an_id_holds() -> None:
    assert make_judgment_id("default", "milling", "r-1") == "a1cf28d5-4d3d-5e08-b56a-1711f70b4277"


@given(st.text(max_size=8), st.text(max_size=8), st.text(max_size=8))
def test_an_id_is_a_version_5_uuid(tenant: str, workflow_id: str, request_id: str) -> None:
    name = f"{tenant}\x1f{workflow_id}\x1f{request_id}"
    try:
        name.encode()
    except UnicodeEncodeError:
        return

    assert make_judgment_id(tenant, workflow_id, request_id) == str(uuid.uuid5(NAMESPACE, name))


def test_a_recreated_topic_gives_other_ids_for_the_same_offsets() -> None:
    before = make_request_id("cluster", "requests", 0, 7, 1_000)
    after = make_request_id("cluster", "requests", 0, 7, 2_000)

    assert before != after
