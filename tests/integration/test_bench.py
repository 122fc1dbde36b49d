"""The benchmark runs: small, unpinned, its figures worth nothing, its answers checked."""

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from tests.support.services import require_url

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 300.0


@pytest.mark.timeout(TIMEOUT_S + 10)
def test_every_part_that_needs_a_stack_runs(tmp_path: Path) -> None:
    services = {name: require_url(name) for name in ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL")}
    command = [sys.executable, "-m", "bench", "whole", "latency", "memory", "llm", "--quick"]

    done = subprocess.run(
        [*command, "--output", str(tmp_path)],
        cwd=ROOT,
        env=os.environ | services,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    reports = {path.stem: orjson.loads(path.read_bytes()) for path in tmp_path.glob("*.json")}
    assert set(reports) == {"whole", "latency", "memory", "llm"}
    assert set(reports["whole"]["contenders"]) == {"rule-agent", "confluent-loop"}
    assert reports["whole"]["failed"] == {}
    assert set(reports["latency"]["rates"]) == {"500"}
    assert set(reports["memory"]["processes"]) == {"rule-agent", "postgres-sink"}
    hung = reports["llm"]["isolation"]["endpoint hangs"]
    assert hung["ended"] == {"unanswered": hung["left_open"]}
