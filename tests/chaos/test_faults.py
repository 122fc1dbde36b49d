"""Faults that a machine cannot have are said to be missing, and the load is as odd as it claims."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import orjson
import pytest

from schemas.decode import parse_request
from schemas.errors import MessageError
from tests.chaos import stage
from tests.chaos.faults import FillDisk, SkippedError
from tests.chaos.fleet import Fleet
from tests.chaos.isolation import Outcome, Phase
from tests.chaos.schedule import Planned
from tests.chaos.stage import SmallDisk, Stage
from tests.chaos.workload import Workload


class StageWithDisk:
    """As much of a stage as the fault asks for."""

    def __init__(self, disk: SmallDisk) -> None:
        self.disk = disk


def make_fault(disk: SmallDisk) -> FillDisk:
    planned = Planned(0.0, "fill-disk", "postgres", 1.0)
    return FillDisk(planned, cast("Stage", StageWithDisk(disk)), cast("Fleet", None))


def test_without_the_right_to_mount_the_disk_is_not_filled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(place: Path) -> None:
        raise PermissionError(1, "no mount namespace")

    monkeypatch.setattr(stage, "_mount", refuse)
    disk = SmallDisk(tmp_path / "disk")

    with pytest.raises(SkippedError, match="no mount namespace"):
        make_fault(disk).inject()
    assert disk.tablespace is None
    assert not list(disk.place.iterdir())


def test_the_load_holds_everything_that_may_go_wrong() -> None:
    workload = Workload(7)
    sent = [workload.make(n) for n in range(5_000)]

    kinds = Counter(request.kind for request in sent)
    assert set(kinds) >= {"malformed", "repeat", "conflict", "nameless", "unsure", "unkeyed"}
    assert 0.005 < kinds["malformed"] / len(sent) < 0.02
    ids = [request.judgment_id for request in sent if request.judgment_id]
    assert len(ids) > len(set(ids))
    for request in sent:
        if request.kind == "malformed":
            with pytest.raises(MessageError):
                parse_request(request.value)
        else:
            assert orjson.loads(request.value)["input_data"]["n"] == request.n


def test_a_seed_makes_the_same_load_again() -> None:
    one, other = Workload(3), Workload(3)

    assert [one.make(n) for n in range(500)] == [other.make(n) for n in range(500)]


def make_outcome(**differing: Any) -> Outcome:
    phase = Phase("alone", 1_000, 3.0, 10.0)
    sound: dict[str, Any] = {
        "alone": phase,
        "poisoned": replace(phase, name="poisoned", ms_p99=20.0),
        "alone_again": phase,
        "away": replace(phase, name="away", ms_p99=12.0),
        "sent": 5,
        "accounted": 5,
        "catch_up_s": 12.0,
        "outage_s": 6.0,
        "restarts": 0,
        "audit": 0,
    }
    return Outcome(**sound | differing)


SLOW = Phase("slow", 1_000, 3.0, 20.1)


@pytest.mark.parametrize(
    ("differing", "losses", "delays"),
    [
        ({}, 0, 0),
        ({"poisoned": SLOW}, 0, 1),
        ({"away": replace(SLOW, ms_p99=12.1)}, 0, 1),
        ({"catch_up_s": 12.1}, 0, 1),
        ({"accounted": 4}, 1, 0),
        ({"restarts": 1}, 1, 0),
        ({"audit": 1}, 1, 0),
    ],
)
def test_each_bound_of_isolation_can_be_broken(
    differing: dict[str, Any], losses: int, delays: int
) -> None:
    outcome = make_outcome(**differing)

    assert len(list(outcome.losses())) == losses
    assert len(list(outcome.delays())) == delays
