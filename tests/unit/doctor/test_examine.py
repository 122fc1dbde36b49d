"""The doctor waits for nobody, survives every check, and tells no secret."""

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from judgify.doctor.checks import settings as settings_check
from judgify.doctor.examine import CHECKS, Check, examine
from judgify.doctor.finding import Finding, fail, ok, warn
from judgify.doctor.subject import Subject, open_subject
from tests.support.subjects import look_at, make_subject, told


def say(*findings: Finding) -> Check:
    return Check("one", lambda _subject: iter(findings))


def test_a_check_that_hangs_is_left_behind_with_what_it_had_found(tmp_path: Path) -> None:
    gate = threading.Event()

    def hang(_subject: Subject) -> Iterator[Finding]:
        yield ok("first")
        gate.wait()

    start = time.monotonic()
    hung, well = examine(make_subject(tmp_path), [Check("a", hang), say(ok("well"))], 0.2)
    gate.set()

    assert time.monotonic() - start < 2
    assert [it.what for it in hung.findings] == ["first", "no answer in 0.2 s"]
    assert hung.failed
    assert not well.failed


def test_a_check_that_breaks_is_a_finding_and_stops_no_other(tmp_path: Path) -> None:
    def break_down(_subject: Subject) -> Iterator[Finding]:
        yield ok("first")
        raise PermissionError(13, "Permission denied", "/data")

    broken, well = examine(make_subject(tmp_path), [Check("a", break_down), say(ok("well"))])

    assert "cannot be looked at: PermissionError" in told(list(broken.findings))
    assert well.findings == [ok("well")]


@pytest.mark.parametrize("bug", [TypeError, AssertionError, RecursionError, MemoryError])
def test_a_bug_of_a_check_is_a_finding_with_its_place_and_without_its_secrets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], bug: type[Exception]
) -> None:
    def break_down(_subject: Subject) -> Iterator[Finding]:
        yield ok("first")
        raise bug("nobody expects redis://:hunter2@db")

    [broken] = examine(make_subject(tmp_path), [Check("a", break_down)])

    assert broken.failed
    place = r"broke at test_examine\.py:\d+: "
    assert re.search(place + bug.__name__, told(list(broken.findings)))
    assert "hunter2" not in told(list(broken.findings))
    assert capsys.readouterr().err == ""


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_check_that_ends_its_thread_does_not_pass_for_well(tmp_path: Path) -> None:
    def leave(_subject: Subject) -> Iterator[Finding]:
        raise SystemExit(0)
        yield ok("never")

    [broken] = examine(make_subject(tmp_path), [Check("a", leave)])

    assert broken.failed
    assert "the check itself broke" in told(list(broken.findings))


@pytest.mark.parametrize(("level", "looked"), [("fail", False), ("warn", True), ("ok", True)])
def test_what_would_only_repeat_a_failure_is_not_looked_at(
    tmp_path: Path, level: str, looked: bool
) -> None:
    before = {"fail": fail("gone", "start it"), "warn": warn("old", "upgrade"), "ok": ok("there")}
    seen: list[Subject] = []

    def see(subject: Subject) -> Iterator[Finding]:
        seen.append(subject)
        yield ok("looked")

    _, second = examine(
        make_subject(tmp_path), [say(before[level]), Check("two", see, needs="one")]
    )

    assert bool(seen) is looked
    assert (second.findings[0].level == "ok") is looked


def test_what_a_library_puts_into_its_message_is_masked(tmp_path: Path) -> None:
    def break_down(_subject: Subject) -> Iterator[Finding]:
        yield fail("at postgresql://u:hunter2@h/x", "use password=hunter2")
        raise OSError("connect to redis://:hunter2@h/0 failed")

    [found] = examine(make_subject(tmp_path), [Check("a", break_down)])

    assert len(found.findings) == 2
    assert "hunter2" not in told(list(found.findings))


def test_every_check_needs_one_that_stands_before_it() -> None:
    names = [check.name for check in CHECKS]

    assert len(set(names)) == len(names)
    for check in CHECKS:
        assert check.needs is None or names.index(check.needs) < names.index(check.name)


def test_settings_that_cannot_be_read_are_told_and_the_rest_is_looked_at_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOG_LEVEL", "loud")
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)

    subject = open_subject(tmp_path)

    assert "LOG_LEVEL in environment is 'LOUD'" in told(look_at(settings_check.look, subject))
    assert subject.uses_local_stack
    assert len(examine(subject)) == len(CHECKS)
