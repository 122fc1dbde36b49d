"""The kinds of error are wire values: dead letters carry them, so no two may be alike."""

from schemas.errors import DependencyError, FatalError, MessageError, PipelineError

KINDS: dict[type[PipelineError], str] = {
    PipelineError: "bug",
    MessageError: "message",
    DependencyError: "dependency",
    FatalError: "fatal",
}


def test_each_kind_is_spelled_as_it_was_published() -> None:
    assert {error: error.kind for error in KINDS} == KINDS


def test_there_are_three_kinds_and_what_is_none_of_them_is_a_bug() -> None:
    assert set(PipelineError.__subclasses__()) == {MessageError, DependencyError, FatalError}
