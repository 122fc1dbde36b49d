"""The state file: private, replaced in one step, and never mistaken for a running stack."""

import stat
from pathlib import Path

import pytest

from judgify.stack import state as state_module
from judgify.stack.lock import hold_data_dir, load_holder
from judgify.stack.state import (
    ProcessState,
    StackState,
    find_data_dir,
    is_running,
    load_running_state,
    load_state,
    save_state,
)
from schemas.errors import FatalError

STATE = StackState(
    pid=7,
    started_at="2026-01-01T00:00:00.000Z",
    kafka_bootstrap_servers="127.0.0.1:20001",
    database_url="postgresql://judgify:secret@127.0.0.1:20002/judgify",
    redis_url=None,
    ports={"kafka": 20_001},
    processes={"kafka": ProcessState(pid=8, port=20_001)},
)


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    save_state(tmp_path, STATE)

    assert load_state(tmp_path) == STATE


def test_a_directory_without_a_stack_has_no_state(tmp_path: Path) -> None:
    assert load_state(tmp_path) is None
    assert load_state(tmp_path / "missing") is None
    assert not is_running(tmp_path / "missing")


def test_the_file_holds_passwords_and_is_its_owners_alone(tmp_path: Path) -> None:
    save_state(tmp_path, STATE)

    mode = (tmp_path / state_module.STATE_FILE).stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_saving_leaves_nothing_else_behind(tmp_path: Path) -> None:
    save_state(tmp_path, STATE)
    save_state(tmp_path, STATE)

    assert [path.name for path in tmp_path.iterdir()] == [state_module.STATE_FILE]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}'])
def test_a_damaged_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / state_module.STATE_FILE).write_text(text)

    with pytest.raises(FatalError, match=r"stack\.json is damaged"):
        load_state(tmp_path)


def test_a_stack_runs_only_while_its_lock_is_held(tmp_path: Path) -> None:
    save_state(tmp_path, STATE)
    assert load_running_state(tmp_path) is None

    with hold_data_dir(tmp_path, "2026-01-01T00:00:00.000Z"):
        assert is_running(tmp_path)
        assert load_running_state(tmp_path) == STATE

    assert load_running_state(tmp_path) is None
    holder = load_holder(tmp_path)
    assert holder is not None
    assert holder.started_at == "2026-01-01T00:00:00.000Z"


def test_an_explicit_directory_wins_over_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUDGIFY_DATA_DIR", str(tmp_path / "environment"))

    assert find_data_dir(tmp_path / "explicit") == tmp_path / "explicit"
    assert find_data_dir() == tmp_path / "environment"


def test_root_keeps_its_data_where_postgresql_can_reach_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JUDGIFY_DATA_DIR", raising=False)
    monkeypatch.setattr("os.geteuid", lambda: 0)

    assert find_data_dir() == state_module.ROOT_DATA_DIR


def test_an_ordinary_user_keeps_data_where_the_desktop_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JUDGIFY_DATA_DIR", raising=False)
    monkeypatch.setattr("os.geteuid", lambda: 1_000)
    monkeypatch.setenv("HOME", str(tmp_path))

    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert find_data_dir() == tmp_path / ".local" / "share" / "judgify"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    assert find_data_dir() == tmp_path / "xdg" / "judgify"


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> Path:
        raise RuntimeError

    monkeypatch.setattr("os.geteuid", lambda: 10_001)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.delenv("JUDGIFY_DATA_DIR", raising=False)
    monkeypatch.setattr(Path, "home", refuse)

    with pytest.raises(FatalError, match="set JUDGIFY_DATA_DIR"):
        find_data_dir()
