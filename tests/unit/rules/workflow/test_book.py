"""The book answers for every instant which version was in force, whatever order records come in."""

import threading
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.workflow.book import NotCompiled, WorkflowBook
from rules.workflow.canonical import version_of
from schemas.errors import MessageError
from schemas.workflow_record import Activation
from tests.support.workflows import make_document

DOCUMENTS = [make_document(title=f"version {number}") for number in range(4)]
VERSIONS = [version_of(document) for document in DOCUMENTS]
START_MS = 1_000_000


def add_version(book: WorkflowBook, number: int, offset: int, **fields: Any) -> None:
    book.add_version(
        "default",
        "w",
        VERSIONS[number],
        DOCUMENTS[number],
        author=fields.get("author", "ann"),
        note="",
        at_ms=START_MS,
        offset=offset,
    )


def activate(
    book: WorkflowBook, number: int | None, at_ms: int, offset: int, delay_ms: int = 2_000
) -> None:
    version = None if number is None else VERSIONS[number]
    activation = Activation(
        tenant="default", workflow_id="w", version=version, delay_ms=delay_ms, author="bob"
    )
    book.add_activation(activation, at_ms=at_ms, offset=offset)


def title_at(book: WorkflowBook, at_ms: int) -> str | None:
    workflow = book.in_force("default", "w", at_ms)
    return None if workflow is None else workflow.title


@pytest.fixture
def book() -> WorkflowBook:
    """Two versions; 0 from 10,000, 1 from 20,000."""
    book = WorkflowBook()
    add_version(book, 0, 1)
    add_version(book, 1, 2)
    activate(book, 0, 8_000, 3)
    activate(book, 1, 18_000, 4)
    return book


def test_a_version_is_in_force_from_its_instant_on_inclusive(book: WorkflowBook) -> None:
    instants = (0, 9_999, 10_000, 19_999, 20_000, 2**60)

    assert [title_at(book, at_ms) for at_ms in instants] == [
        None,
        None,
        "version 0",
        "version 0",
        "version 1",
        "version 1",
    ]


def test_a_delay_too_short_for_every_agent_to_have_it_counts_as_two_seconds() -> None:
    book = WorkflowBook()
    add_version(book, 0, 1)

    activate(book, 0, 5_000, 2, delay_ms=0)

    assert title_at(book, 6_999) is None
    assert title_at(book, 7_000) == "version 0"


def test_of_two_activations_of_one_instant_the_later_in_the_log_wins(book: WorkflowBook) -> None:
    activate(book, 0, 15_000, 9, delay_ms=5_000)

    assert title_at(book, 20_000) == "version 0"


def test_an_activation_may_come_into_force_before_an_older_one(book: WorkflowBook) -> None:
    activate(book, 0, 18_500, 5, delay_ms=10_000)
    activate(book, 1, 19_000, 6)

    assert [title_at(book, at) for at in (21_000, 28_499, 28_500)] == [
        "version 1",
        "version 1",
        "version 0",
    ]


def test_a_rollback_is_an_activation_of_an_older_version(book: WorkflowBook) -> None:
    activate(book, 0, 30_000, 5)

    assert title_at(book, 40_000) == "version 0"
    assert title_at(book, 25_000) == "version 1"
    assert book.in_force_since("default", "w", 40_000) == 32_000


def test_a_retired_workflow_judges_nothing_until_it_is_activated_again(book: WorkflowBook) -> None:
    activate(book, None, 30_000, 5)
    activate(book, 1, 40_000, 6)

    assert [title_at(book, at) for at in (31_999, 32_000, 42_000)] == [
        "version 1",
        None,
        "version 1",
    ]
    assert book.in_force_since("default", "w", 35_000) is None
    with pytest.raises(MessageError, match="not active"):
        book.resolve("default", "w", "@active", 35_000)


def test_an_activation_of_a_version_that_has_not_been_read_is_waited_for(
    book: WorkflowBook,
) -> None:
    activate(book, 2, 30_000, 5)

    with pytest.raises(NotCompiled, match="has not been read yet"):
        book.in_force("default", "w", 32_000)
    assert title_at(book, 31_999) == "version 1"

    add_version(book, 2, 6)
    assert title_at(book, 32_000) == "version 2"


def test_a_version_that_does_not_compile_is_waited_for_and_says_why(book: WorkflowBook) -> None:
    broken = make_document(rules=[{"id": "A", "when": "x >", "verdict": "ok"}])
    version = version_of(broken)

    kept = book.add_version("default", "w", version, broken, author="a", note="", at_ms=1, offset=5)
    activation = Activation(tenant="default", workflow_id="w", version=version, author="a")
    book.add_activation(activation, at_ms=30_000, offset=6)

    assert kept.compiled is None
    assert "rules[0].when" in (kept.problem or "")
    with pytest.raises(NotCompiled, match="does not compile"):
        book.in_force("default", "w", 32_000)
    assert title_at(book, 31_999) == "version 1"


@pytest.mark.parametrize("workflow_id", ["w", "other"])
def test_a_document_under_the_key_of_another_is_refused(workflow_id: str) -> None:
    book = WorkflowBook()
    version = VERSIONS[0] if workflow_id == "other" else VERSIONS[1]

    with pytest.raises(MessageError, match="version_mismatch"):
        book.add_version(
            "default", workflow_id, version, DOCUMENTS[0], author="a", note="", at_ms=1, offset=1
        )
    assert book.workflows() == []


def test_versions_are_numbered_in_log_order_and_keep_their_first_record(book: WorkflowBook) -> None:
    add_version(book, 3, 7)
    add_version(book, 0, 8, author="eve")

    versions = book.versions("default", "w")

    assert [(each.number, each.version) for each in versions] == [
        (1, VERSIONS[0]),
        (2, VERSIONS[1]),
        (3, VERSIONS[3]),
    ]
    assert versions[0].author == "ann"


def test_tenants_and_workflows_do_not_meet(book: WorkflowBook) -> None:
    assert book.in_force("other", "w", 20_000) is None
    assert book.in_force("default", "v", 20_000) is None
    assert book.workflows() == [("default", "w")]
    assert book.versions("other", "w") == ()
    assert book.activations("other", "w") == ()


REFERENCES = [
    ("@active", 25_000, 1),
    ("active", 15_000, 0),
    ("w@active", 25_000, 1),
    ("@previous", 25_000, 0),
    ("w@previous", 25_000, 0),
    ("1", 0, 0),
    ("w@2", 0, 1),
    (VERSIONS[1][:12], 0, 1),
    (VERSIONS[0], 0, 0),
]


@pytest.mark.parametrize(("reference", "at_ms", "number"), REFERENCES)
def test_a_reference_means_one_version(
    book: WorkflowBook, reference: str, at_ms: int, number: int
) -> None:
    assert book.resolve("default", "w", reference, at_ms) == VERSIONS[number]


@pytest.mark.parametrize(
    ("reference", "at_ms", "said"),
    [
        ("@active", 5_000, "not active"),
        ("@previous", 15_000, "no other version"),
        ("@previous", 5_000, "no other version"),
        ("3", 0, "no version 3"),
        ("0", 0, "no version 0"),
        ("zz", 0, "no version zz"),
        ("", 0, "no version"),
        ("9" * 30, 0, "no version"),
        (VERSIONS[0][:3], 0, "no version"),
        ("f" * 64, 0, "no version"),
    ],
)
def test_a_reference_to_nothing_says_what_to_do(
    book: WorkflowBook, reference: str, at_ms: int, said: str
) -> None:
    with pytest.raises(MessageError, match=said) as caught:
        book.resolve("default", "w", reference, at_ms)
    assert caught.value.code == "version_not_found"


def find_twins() -> list[dict[str, Any]]:
    """Return two documents whose versions begin with the same four digits."""
    seen = dict[str, dict[str, Any]]()
    for number in range(10_000):
        document = make_document(title=f"t{number}")
        twin = seen.setdefault(version_of(document)[:4], document)
        if twin is not document:
            return [twin, document]
    raise AssertionError("no twins")


def test_a_prefix_of_two_versions_is_ambiguous() -> None:
    book, twins = WorkflowBook(), find_twins()
    versions = [version_of(twin) for twin in twins]
    for offset, (version, twin) in enumerate(zip(versions, twins, strict=True)):
        book.add_version("default", "w", version, twin, author="a", note="", at_ms=1, offset=offset)

    with pytest.raises(MessageError, match="version_ambiguous"):
        book.resolve("default", "w", versions[0][:4], 0)


def test_an_unknown_workflow_is_named_with_those_that_are_known(book: WorkflowBook) -> None:
    with pytest.raises(MessageError, match="no workflow v; published: w"):
        book.resolve("default", "v", "@active", 0)
    with pytest.raises(MessageError, match="none is published"):
        book.resolve("other", "w", "@active", 0)


def test_previous_passes_over_repetitions_and_retirement(book: WorkflowBook) -> None:
    activate(book, 1, 30_000, 5)
    activate(book, None, 40_000, 6)
    activate(book, 1, 50_000, 7)

    assert book.resolve("default", "w", "@previous", 60_000) == VERSIONS[0]
    assert book.resolve("default", "w", "@previous", 45_000) == VERSIONS[1]
    assert book.in_force_since("default", "w", 35_000) == 20_000
    assert book.in_force_since("default", "w", 60_000) == 52_000


def test_readers_see_whole_timelines_while_the_writer_writes() -> None:
    book, stop, seen = WorkflowBook(), threading.Event(), list[str]()

    def read() -> None:
        while not stop.is_set():
            try:
                title = title_at(book, 2**60)
            except NotCompiled:
                title = None
            book.workflows()
            if title and (not seen or seen[-1] != title):
                seen.append(title)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(4):
        add_version(book, number, number + 1)
        activate(book, number, 10_000 * (number + 1), number + 100)
    stop.set()
    reader.join(timeout=10)

    assert seen == sorted(seen)
    assert title_at(book, 2**60) == "version 3"


@dataclass(frozen=True)
class Published:
    number: int


@dataclass(frozen=True)
class Activated:
    number: int | None
    at_ms: int
    delay_ms: int


RECORDS = st.lists(
    st.builds(Published, st.integers(0, 3))
    | st.builds(
        Activated,
        st.none() | st.integers(0, 3),
        st.integers(0, 20),
        st.sampled_from([0, 2_000, 2_005]),
    ),
    max_size=9,
)


@given(RECORDS, st.randoms(use_true_random=False), st.booleans())
def test_any_order_of_arrival_gives_the_same_answer_for_every_instant(
    records: list[Published | Activated], chance: Any, repeats: bool
) -> None:
    logged = list(enumerate(records))
    arriving = logged * (1 + repeats)
    chance.shuffle(arriving)

    in_order, shuffled = _fill(logged), _fill(arriving)

    for at_ms in range(2_000 - 1, 2_000 + 30):
        expected = _expect(records, at_ms)
        assert _answer(in_order, at_ms) == expected
        assert _answer(shuffled, at_ms) == expected
    assert _listed(in_order) == _listed(shuffled)
    assert in_order.activations("default", "w") == shuffled.activations("default", "w")


def _fill(records: list[tuple[int, Published | Activated]]) -> WorkflowBook:
    book = WorkflowBook()
    for offset, record in records:
        if isinstance(record, Published):
            add_version(book, record.number, offset, author=f"author of {offset}")
        else:
            activate(book, record.number, record.at_ms, offset, record.delay_ms)
    return book


def _listed(book: WorkflowBook) -> list[tuple[int, str, str, int]]:
    versions = book.versions("default", "w")
    return [(each.number, each.version, each.author, each.offset) for each in versions]


def _answer(book: WorkflowBook, at_ms: int) -> str | None:
    try:
        return title_at(book, at_ms)
    except NotCompiled:
        return "not compiled"


def _expect(records: list[Published | Activated], at_ms: int) -> str | None:
    """Return the answer by the words of the design: the slow way, over all records."""
    due = [
        (record.at_ms + max(record.delay_ms, 2_000), offset, record.number)
        for offset, record in enumerate(records)
        if isinstance(record, Activated) and record.at_ms + max(record.delay_ms, 2_000) <= at_ms
    ]
    number = max(due, key=lambda each: each[:2])[2] if due else None
    if number is None:
        return None
    return f"version {number}" if Published(number) in records else "not compiled"
