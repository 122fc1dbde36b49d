"""`judgify fake-llm` refuses at start what cannot work, and says what to do."""

import pytest

from tests.support.commands import Commands


@pytest.mark.parametrize(
    ("options", "env", "told"),
    [
        ((), "production", "ENV=production"),
        (("--script", "/nonexistent.yaml"), "test", "No such file"),
        (("--port", "http"), "test", "is not a port"),
        (("--port", "auto", "--host", "192.0.2.1"), "test", "cannot listen on 192.0.2.1"),
    ],
)
def test_what_cannot_work_is_refused_at_start(
    options: tuple[str, ...],
    env: str,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ENV", env)

    ended = Commands(monkeypatch, capsys).run("fake-llm", *options)

    assert ended.code == 2
    assert told in ended.stderr
