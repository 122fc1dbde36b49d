import re
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.contenders import CONTENDERS
from bench.environments import NotInstalledError, lock_path, open_environment
from bench.observing import committed_in_store
from bench.peers import judging
from bench.peers.judging import Judge, Place, Record
from bench.track import make_load
from judgify.demo.milling import find_example_dir
from stream import process

ROOT = Path(__file__).parents[3]
ENVIRONMENTS = [it.environment for it in CONTENDERS if it.environment]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    workflow = find_example_dir() / "workflow.yaml"
    return Place("kafka:9092", "g", "requests", "results", "dead", workflow, "1", tmp_path, 5)


def make_records(count: int) -> list[Record]:
    requests = make_load(count).requests
    return [Record(offset, 1_000, key, value, ()) for offset, (key, value) in enumerate(requests)]


def test_a_peer_spares_the_collector_as_rule_agent_does() -> None:
    assert judging.GC_THRESHOLDS == process.GC_THRESHOLDS


def test_a_peer_can_run_where_neither_faust_nor_kafka_is_installed() -> None:
    program = (
        "import sys, bench.peers.judging\n"
        "print(*{'faust', 'mode', 'aiokafka', 'confluent_kafka', 'asyncpg'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == ""


def test_single_records_get_the_outcomes_that_a_slice_gets(place: Place) -> None:
    records = [*make_records(300), Record(300, 1_000, b"k", b"no request", ())]
    judge = Judge(place)

    slice_of_all = judge.judge(7, records)
    one_by_one = [judge.judge_one(7, record) for record in records]

    assert [_without_times(it.value) for it in one_by_one] == [
        _without_times(it.value) for it in slice_of_all
    ]
    assert [it.topic for it in slice_of_all[-2:]] == ["results", "dead"]


def _without_times(value: bytes | None) -> bytes:
    return re.sub(rb'"(judged_at|execution_time_ms)":[^,]+', b"", value or b"")


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_an_environment_is_pinned_by_version_and_hash_and_names_no_address(name: str) -> None:
    text = lock_path(name).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]

    assert lines
    assert all(re.match(r"[a-z0-9.-]+==\S+|    --hash=sha256:", line) for line in lines)
    assert not re.search(r"://|--index|--find-links", text)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_peer_decodes_with_the_library_that_we_decode_with(name: str) -> None:
    ours = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pin = re.search(r"^orjson==\S+", ours, re.MULTILINE)

    assert pin
    assert pin[0] in lock_path(name).read_text(encoding="utf-8"), "run `make bench-lock`"


def test_what_cannot_be_installed_is_said_and_tried_anew_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def run(command: Sequence[str], **_settings: str) -> None:
        tried.append(Path(command[0]).name)
        if "install" in command:
            raise NotInstalledError("no index")

    monkeypatch.setattr("bench.environments._run", run)

    for _ in range(2):
        with pytest.raises(NotInstalledError, match="no index"):
            open_environment("bytewax", tmp_path)

    assert tried == ["python", "uv", "python"] * 2


def test_an_environment_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []

    def make(directory: Path, _lock: Path) -> None:
        made.append(directory)
        directory.mkdir()

    monkeypatch.setattr("bench.environments._make", make)

    pythons = [open_environment("bytewax", tmp_path) for _ in range(2)]

    assert len(made) == 1
    assert pythons == [made[0] / "bin" / "python"] * 2


def test_a_recovery_store_tells_the_newest_positions_of_ended_epochs(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "part-0.sqlite3") as store:
        store.execute("CREATE TABLE fronts (ex_num, worker_index, worker_frontier)")
        store.execute("CREATE TABLE snaps (step_id, state_key, snap_epoch, ser_change)")
        store.execute("INSERT INTO fronts VALUES (0, 0, 4)")
        rows = [("0-requests", 2, 10), ("0-requests", 3, 25), ("0-requests", 4, 99)]
        rows += [("1-requests", 3, 7), ("2-requests", 3, -2)]
        for key, epoch, position in rows:
            pickled = b"\x80\x04J" + position.to_bytes(4, "little", signed=True) + b"."
            store.execute(
                "INSERT INTO snaps VALUES ('judge.requests', ?, ?, ?)", (key, epoch, pickled)
            )
    store.close()

    assert committed_in_store(tmp_path) == [25, 7, 0]
