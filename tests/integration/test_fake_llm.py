"""`judgify fake-llm` as a process: starts quickly, answers the SDK, ends with 0."""

import subprocess
import sys
import time
from pathlib import Path

import openai
import psutil

from tests.support.stand_in_llm import run_stand_in_llm

CPU_S_MAX = 5.0
"""Until it listens. A quiet machine takes 1.1 s, a crowded one twice as much."""


def test_it_answers_the_sdk_on_every_path_and_ends_with_0() -> None:
    with run_stand_in_llm() as stand_in:
        cpu_s = _cpu_s(stand_in.process.pid)
        with openai.OpenAI(api_key="any", base_url=stand_in.base_url, max_retries=0) as client:
            response = client.responses.create(model="m", input="hello")
            said = client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": "hello"}]
            )
            vector = client.embeddings.create(model="m", input="hello").data[0].embedding
            models = [model.id for model in client.models.list()]
        stand_in.fail("hang")
        hanging = subprocess.Popen(
            [sys.executable, "-c", _HANG, stand_in.base_url], stderr=subprocess.DEVNULL
        )
        while stand_in.calls()["in_flight"] == 0:
            time.sleep(0.02)
        code = stand_in.stop()
        hanging.wait(15)

    assert "a stand-in, no model" in response.output_text
    assert (response.model, said.model, models) == (
        "judgify-fake",
        "judgify-fake",
        ["judgify-fake"],
    )
    assert len(vector) == 256
    assert code == 0, "although a call hangs"
    assert cpu_s < CPU_S_MAX


_HANG = """
import sys, urllib.request
body = b'{"model": "m", "input": "hello"}'
urllib.request.urlopen(sys.argv[1] + "/responses", body)
"""


def _cpu_s(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def test_it_ends_with_0_from_the_moment_that_it_says_where_it_listens() -> None:
    with run_stand_in_llm() as stand_in:
        assert stand_in.stop() == 0


def test_answers_come_from_the_file_of_the_script(tmp_path: Path) -> None:
    (tmp_path / "right.csv").write_text("name,label\nM1,0\nM2,1\n")
    script = tmp_path / "script.yaml"
    script.write_text(
        "answers: {file: right.csv, key: name, field: machine, value: label, map: {0: ok, 1: fail}}"
    )

    with (
        run_stand_in_llm(script=script) as stand_in,
        openai.OpenAI(api_key="any", base_url=stand_in.base_url) as client,
    ):
        told = [
            client.responses.create(model="m", input=f'{{"machine": "{name}"}}').output_text
            for name in ("M1", "M2")
        ]

    assert told == ["ok", "fail"]
