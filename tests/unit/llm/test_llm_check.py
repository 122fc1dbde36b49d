"""`judgify llm check`: one look at an endpoint says whether the lane can work on it."""

import json
from typing import Any

import httpx2
import pytest
from typing_extensions import override

from agents.llm.endpoint import Endpoint, Manner
from agents.llm.sdk import SdkClient
from judgify.cli import llm as llm_command
from judgify.fake_llm.app import make_app
from judgify.fake_llm.script import Script
from tests.support.commands import Commands, Ended

URL = "http://llm.test/v1"


class Trial:
    """Runs the command against a stand-in inside the test's own process."""

    def __init__(self, commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
        self._commands = commands
        self._monkeypatch = monkeypatch
        monkeypatch.setenv("OPENAI_BASE_URL", URL)
        monkeypatch.setenv("OPENAI_MODEL", "judgify-fake")

    def check(self, *options: str, **script: Any) -> Ended:
        stand_in = make_app(Script.model_validate(script))
        return self.check_over(httpx2.ASGITransport(stand_in), *options)

    def check_over(self, transport: httpx2.AsyncBaseTransport, *options: str) -> Ended:
        def open_here(_: object) -> Endpoint:
            client = SdkClient(URL, None, transport, 0.3)
            return Endpoint(client, Manner("judgify-fake", "responses", 1_000, 0.3))

        self._monkeypatch.setattr(llm_command, "open_endpoint", open_here)
        return self._commands.run("llm", "check", *options)


@pytest.fixture
def trial(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Trial:
    return Trial(Commands(monkeypatch, capsys), monkeypatch)


def test_a_sound_endpoint_is_described_and_a_stand_in_named(trial: Trial) -> None:
    ended = trial.check()

    assert ended.code == 0
    assert f"endpoint   {URL} (responses)" in ended.stdout
    assert "listed; models there: 1" in ended.stdout
    assert "schema     enforced" in ended.stdout
    assert "no model judges" in ended.stderr


def test_json_is_one_document(trial: Trial) -> None:
    checked = json.loads(trial.check("--json").stdout)

    assert (checked["ok"], checked["stand_in"], checked["schema_enforced"]) == (True, True, True)
    assert (checked["models"], checked["listed"], checked["problem"]) == (1, True, None)
    assert checked["tokens_in"] > 0


def test_what_the_model_does_not_take_is_said(trial: Trial) -> None:
    assert "left out   temperature" in trial.check(refuses=["temperature"]).stdout


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ({"refuses": ["schema"]}, "cannot answer by a schema"),
        ({"faults": [{"kind": "unknown_verdict"}]}, "answered outside of the schema"),
        ({"faults": [{"kind": "auth"}]}, "OPENAI_API_KEY"),
        ({"faults": [{"kind": "quota"}]}, "billing"),
        ({"faults": [{"kind": "html"}]}, "OPENAI_BASE_URL"),
    ],
)
def test_an_endpoint_that_cannot_do_it_fails_with_what_to_do(
    trial: Trial, script: dict[str, Any], told: str
) -> None:
    ended = trial.check(**script)

    assert ended.code == 1
    assert told in ended.stderr
    document = json.loads(trial.check("--json", **script).stdout)
    assert (document["ok"], document["schema_enforced"], told in document["problem"]) == (
        False,
        False,
        True,
    )


def test_a_model_that_obeys_words_instead_of_the_schema_is_found_out(trial: Trial) -> None:
    ended = trial.check(obey=True)

    assert ended.code == 1, "the question orders a verdict that the schema forbids"


def test_a_refused_key_is_not_asked_about_twice(trial: Trial) -> None:
    paths: list[str] = []

    def refuse(request: httpx2.Request) -> httpx2.Response:
        paths.append(request.url.path)
        return httpx2.Response(401)

    assert trial.check_over(httpx2.MockTransport(refuse)).code == 1
    assert paths == ["/v1/models"]


def test_an_endpoint_that_lists_no_models_may_be_sound(trial: Trial) -> None:
    stand_in = httpx2.ASGITransport(make_app(Script()))

    class Unlisted(httpx2.AsyncBaseTransport):
        @override
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            if request.method == "GET":
                return httpx2.Response(404)
            return await stand_in.handle_async_request(request)

    ended = trial.check_over(Unlisted())

    assert ended.code == 0
    assert "does not list its models" in ended.stdout


def test_without_a_model_it_is_misuse(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("OPENAI_MODEL", raising=False)

    ended = Commands(monkeypatch, capsys).run("llm", "check")

    assert ended.code == 2
    assert "OPENAI_MODEL is not set" in ended.stderr
