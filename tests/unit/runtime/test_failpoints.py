"""Failpoints: only where and when they were asked for, never in production."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime import failpoints
from runtime.failpoints import POINTS, InjectedError, arm, parse_failpoints
from runtime.settings import load_settings
from schemas.errors import FatalError

PACKAGES = ("stream", "sinks", "agents", "judgify")


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    arm(())


def test_nothing_happens_anywhere_until_armed() -> None:
    for point in POINTS:
        failpoints.reach(point)

    assert failpoints.reach is failpoints._pass


def test_a_failpoint_fails_at_its_passing_alone() -> None:
    arm(parse_failpoints("stored:3:raise"))
    failpoints.reach("stored")
    failpoints.reach("judged")
    failpoints.reach("stored")

    with pytest.raises(InjectedError):
        failpoints.reach("stored")

    failpoints.reach("stored")


def test_several_failpoints_count_for_themselves() -> None:
    arm(parse_failpoints("stored:2:raise, judged:1:raise"))
    failpoints.reach("stored")

    with pytest.raises(InjectedError):
        failpoints.reach("judged")
    with pytest.raises(InjectedError):
        failpoints.reach("stored")


def test_sleeping_blocks_for_so_long() -> None:
    arm(parse_failpoints("stored:1:sleep_ms=30"))
    started_s = time.perf_counter()

    failpoints.reach("stored")

    assert time.perf_counter() - started_s >= 0.03


@pytest.mark.parametrize(("action", "code"), [("kill", -9), ("exit", failpoints.EXIT_CODE)])
def test_kill_and_exit_end_the_process_at_once(action: str, code: int) -> None:
    program = (
        "from runtime import failpoints\n"
        f"failpoints.arm(failpoints.parse_failpoints('judged:1:{action}'))\n"
        "try:\n"
        "    failpoints.reach('judged')\n"
        "finally:\n"
        "    print('went on')\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)

    assert ended.returncode == code
    assert ended.stdout == b""
    assert b"failpoint judged reached, time 1" in ended.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("after_publsh:3:kill", "'after_publsh' is no failpoint; one of: received, decoded"),
        ("stored:0:kill", "'0' is not the number of a passing"),
        ("stored:²:kill", "'²' is not the number of a passing"),
        ("stored:1:burn", "'burn' is no action; one of: kill, exit, raise, hang, sleep_ms=N"),
        ("stored:1", "'' is no action"),
        ("stored:1:sleep_ms=", "sleep_ms wants a number up to 600000"),
        ("stored:1:kill,", "'' is no failpoint"),
    ],
)
def test_a_failpoint_that_cannot_be_is_refused_at_start(text: str, said: str) -> None:
    with pytest.raises(FatalError, match=re.escape(said)):
        load_settings(environment={"JUDGIFY_FAILPOINT": text}, dotenv=Path("absent"))


def test_production_refuses_failpoints() -> None:
    environment = {"JUDGIFY_FAILPOINT": "stored:1:kill", "ENV": "production"}

    with pytest.raises(FatalError, match="JUDGIFY_FAILPOINT"):
        load_settings(environment=environment, dotenv=Path("absent"))


def test_every_point_is_passed_by_the_code_and_no_other() -> None:
    passed = {
        name
        for package in PACKAGES
        for path in Path(package).rglob("*.py")
        for name in re.findall(r"failpoints\.reach\(\"(\w+)\"\)", path.read_text("utf-8"))
    }

    assert passed == set(POINTS)
