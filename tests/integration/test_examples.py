"""The examples as a stranger runs them: a reading goes in, its judgment comes out."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from schemas.decode import ParsedRequest
from tests.support.stand_in_agent import run_stand_in
from tests.support.waiting import wait_until
from topics.registry import REQUESTS, RESULTS, full_name

EXAMPLES = Path(__file__).parents[2] / "examples"
TIMEOUT_S = 30.0
READING = {"id": "r-1", "Product ID": "M14860", "Type": "M", "Tool wear [min]": 3}


def judge(request: ParsedRequest) -> dict[str, Any]:
    assert request.workflow_id == "milling"
    return {"verdict": "fail", "reason": "heat dissipation"}


def run_producer(bootstrap: str, topic: str, reading: dict[str, Any]) -> str:
    done = subprocess.run(
        [sys.executable, EXAMPLES / "producer.py", bootstrap, topic],
        input=json.dumps(reading),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    return done.stdout


def test_a_reading_sent_by_the_producer_is_printed_by_the_subscriber(
    kafka_bootstrap: str, provisioned_topics: str, tmp_path: Path
) -> None:
    requests, results = (full_name(spec, provisioned_topics) for spec in (REQUESTS, RESULTS))
    printed = tmp_path / "printed"

    with run_stand_in(kafka_bootstrap, provisioned_topics, judge), printed.open("w") as out:
        run_producer(kafka_bootstrap, requests, READING)
        said = run_producer(kafka_bootstrap, requests, READING)  # again: the same judgment
        assert re.fullmatch(rf"{re.escape(requests)}/\d+ offset 1\n", said)
        run_producer(kafka_bootstrap, requests, READING | {"id": "r-2"})
        command = [sys.executable, str(EXAMPLES / "subscriber.py"), kafka_bootstrap, results]
        subscriber = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
        try:
            wait_until(lambda: "r-2" in printed.read_text(), TIMEOUT_S, what="both judgments")
        finally:
            subscriber.send_signal(signal.SIGINT)
            exit_code = subscriber.wait(TIMEOUT_S)

    assert exit_code == 0
    assert printed.read_text() == "r-1 fail heat dissipation\nr-2 fail heat dissipation\n"


@pytest.mark.parametrize("name", ["producer.py", "subscriber.py"])
def test_an_example_is_short_and_stands_alone(name: str) -> None:
    text = (EXAMPLES / name).read_text()

    assert len(text.splitlines()) <= 40
    packages = "judgify|agents|sinks|stream|topics|rules|runtime|schemas"
    assert not re.search(rf"^(from|import) ({packages})\b", text, re.MULTILINE)
