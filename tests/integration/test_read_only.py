"""A process as a container runs it: the file system is read-only but for /tmp, and no home."""

import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.stacks import bare_environment
from tests.support.waiting import wait_until

ENCLOSED: Final = ("unshare", "--user", "--map-root-user", "--mount")
ENCLOSE: Final = """
mount -o remount,bind,ro / &&
mount -o remount,bind,ro "$(findmnt --noheadings --output TARGET --target "$PWD")" &&
mount -t tmpfs none "$TMPDIR" &&
if touch "$PWD/.written" 2>/dev/null; then exit 99; fi &&
exec "$@"
"""
"""What makes the file systems read-only, for the command that follows alone; 99: it did not."""
START_TIMEOUT_S: Final = 60.0
STOP_TIMEOUT_S: Final = 15.0


def can_enclose() -> bool:
    """Say whether this machine lets us: some kernels and containers do not, and macOS cannot."""
    return shutil.which("unshare") is not None and (
        subprocess.run([*ENCLOSED, "true"], capture_output=True, check=False).returncode == 0
    )


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def environment(kafka_bootstrap: str, provisioned_topics: str, tmp_path: Path) -> dict[str, str]:
    environment = bare_environment(
        KAFKA_BOOTSTRAP_SERVERS=kafka_bootstrap,
        JUDGIFY_TOPIC_PREFIX=provisioned_topics,
        JUDGIFY_DATA_DIR=str(tmp_path / "judgify"),
        TMPDIR=str(tmp_path),
        PYTHONDONTWRITEBYTECODE="1",
    )
    return {name: value for name, value in environment.items() if name != "HOME"}


@pytest.fixture
def agent(
    environment: dict[str, str], port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[subprocess.Popen[bytes]]:
    if not can_enclose():
        pytest.skip("this machine does not allow a mount namespace")
    log = tmp_path_factory.mktemp("logs") / "rule-agent.log"
    run = (sys.executable, "-m", "judgify", "run", "rule-agent", "--port", str(port))
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*ENCLOSED, "sh", "-c", ENCLOSE, "sh", *run], env=environment, stdout=out, stderr=out
        )
    yield process
    process.kill()
    process.wait()
    print(log.read_text())


def test_a_process_works_where_it_may_write_to_tmp_alone_and_ends_well(
    agent: subprocess.Popen[bytes], environment: dict[str, str], port: int
) -> None:
    wait_until(
        lambda: agent.poll() is not None or listens(port), START_TIMEOUT_S, what="its health door"
    )
    check = [sys.executable, "-m", "judgify", "healthcheck", "rule-agent", "--port", str(port)]

    def ask() -> subprocess.CompletedProcess[str]:
        asked = [*check, "--ready"]
        return subprocess.run(asked, env=environment, capture_output=True, text=True, check=False)

    wait_until(
        lambda: agent.poll() is not None or ask().returncode == 0, START_TIMEOUT_S, what="readiness"
    )
    agent.send_signal(signal.SIGTERM)

    assert agent.wait(STOP_TIMEOUT_S) == 0


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
