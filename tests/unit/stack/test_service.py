"""A service: `start` returns when it is ready, and says why when it is not."""

from pathlib import Path

import pytest

from judgify.stack.service import Service
from schemas.errors import DependencyError
from tests.unit.stack.programs import Example

READY_THEN_WAIT = "import pathlib, time; pathlib.Path('ready').touch(); time.sleep(600)"


def test_start_returns_when_it_is_ready_and_stop_when_it_is_gone(tmp_path: Path) -> None:
    service = Service(Example(tmp_path / "home", READY_THEN_WAIT))

    service.start()
    assert (tmp_path / "home" / "ready").exists()
    assert service.is_alive

    assert service.stop()
    assert not service.is_alive


def test_a_service_can_be_started_again(tmp_path: Path) -> None:
    service = Service(Example(tmp_path, READY_THEN_WAIT))

    for _ in range(2):
        service.start()
        service.stop()

    assert not service.is_alive


def test_one_that_ends_at_once_is_reported_with_its_last_words(tmp_path: Path) -> None:
    service = Service(Example(tmp_path, "print('port in use'); raise SystemExit(1)"))

    with pytest.raises(DependencyError) as caught:
        service.start()

    assert "example: exit code 1" in str(caught.value)
    assert "port in use" in str(caught.value)


def test_one_that_is_never_ready_is_given_up(tmp_path: Path) -> None:
    program = Example(tmp_path, "import time; time.sleep(600)")
    program.ready_timeout_s = 0.2
    service = Service(program)

    with pytest.raises(DependencyError, match="was not ready within"):
        service.start()

    service.stop()


def test_what_was_never_started_is_stopped_already(tmp_path: Path) -> None:
    assert Service(Example(tmp_path, "pass")).stop()
