"""The checker can fail: evidence that is sound passes, and each kind of damage is found by name."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.chaos.checker import check
from tests.chaos.evidence import Evidence
from tests.chaos.invariants import INVARIANTS
from tests.chaos.schedule import Planned, Schedule

REQUESTS: Final = 1_200
PER_PARTITION: Final = REQUESTS // 2
MALFORMED: Final = 7
"""The one request that cannot be read."""
REPEATED: Final = (8, 10)
"""Two requests with one id, on one partition."""
ESCALATED: Final = range(100, 160, 2)
"""Requests on partition 0 that an LLM answered."""


@pytest.fixture
def evidence(sound: Evidence) -> Evidence:
    """A copy of the sound evidence that a test may damage."""
    copy = Evidence()
    sound.connection.backup(copy.connection)
    return copy


@pytest.fixture(scope="module")
def sound() -> Evidence:
    """The evidence of a run in which everything went well."""
    evidence = Evidence()
    for n in range(REQUESTS):
        _add_request(evidence, n)
    evidence.add("results", [(0, 9_000, "j-0", 0, 0, 1_000, 0, "decided", "ok", "c-0")])
    for tick in range(12):
        for partition in (0, 1):
            for agent in ("rule-agent", "postgres-sink"):
                place = (tick, 100.0 + tick, agent, partition)
                evidence.add("offsets", [(*place, 50 * tick, 50 * tick, 50 * tick, 5 * tick)])
            ends = (50 * tick, 50 * tick, 5 * tick)
            committed = 0 if partition else max(0, tick - 1)
            evidence.add(
                "offsets", [(tick, 100.0 + tick, "llm-agent", partition, committed, *ends)]
            )
        evidence.add("vitals", [(tick, "rule-agent/0", 1, 90.0, 20, 1)])
    evidence.add("vitals", [(20 + tick, "postgres-sink/0", 2, 90.0, 20, 1) for tick in range(40)])
    evidence.add("vitals", [(tick, "llm-agent/0", 3, 90.0, 20, 1) for tick in range(12)])
    evidence.add("ended", [(5.0, "rule-agent/0", 1, "killed by SIGKILL", "kill", None, 1)] * 2)
    evidence.add("ended", [(60.0, "postgres-sink/0", 2, "exit code 0", "stop", 0.4, 1)])
    evidence.add("recoveries", [("kill", "rule-agent/0", "rule-agent", 5.0, 3.2)])
    evidence.set_facts(left_unfinished=0, unique_index=1, connections_left=0, members_left=0)
    evidence.set_facts(alive=1, audit=0, kills_min=2, answered_min=20)
    evidence.set_facts(skipped="[]", late='["freeze kafka: late"]', planned=4, all_must_strike=1)
    evidence.finish()
    return evidence


def _add_request(evidence: Evidence, n: int) -> None:
    partition, offset, ts = n % 2, n // 2, 1_000 + n
    origin = (partition, offset, ts)
    name = f"j-{REPEATED[0] if n == REPEATED[1] else n}"
    evidence.add("requests", [(*origin, n)])
    if n == MALFORMED:
        evidence.add("sent", [(n, "malformed", None, None, None, partition, offset, None)])
        letter = ("judgify.requests.v1", *origin, "rule-agent")
        evidence.add("letters", [(partition, 0, *letter, "message", "not_json")])
        evidence.add("buried", [letter])
        return
    evidence.add("sent", [(n, "test", name, "decided", "ok", partition, offset, None)])
    content = f"c-{n}"
    if n in ESCALATED:
        content = f'{{"method":"hybrid","n":{n}}}'
        evidence.add("escalations", [(partition, (n - ESCALATED[0]) // 2, *origin, n)])
    judged = (name, *origin, n, "decided", "ok", content)
    evidence.add("results", [(partition, offset, *judged)])
    if n == REPEATED[1]:
        evidence.add("duplicates", [(name, *origin, 99.0)])
    else:
        evidence.add("stored", [(*judged, 99.0)])


def find_broken(evidence: Evidence) -> set[str]:
    return {verdict.invariant.code for verdict in check(evidence) if not verdict.holds}


def test_sound_evidence_breaks_nothing(evidence: Evidence) -> None:
    assert find_broken(evidence) == set()


DAMAGES: Final = {
    "a record that was acknowledged is gone": (
        "DELETE FROM requests WHERE n = 20",
        {"I1a", "I7a"},
    ),
    "a request without an outcome": ("DELETE FROM results WHERE n = 20", {"I1b", "I4b", "I6a"}),
    "a row is missing": ("DELETE FROM stored WHERE n = 20", {"I1c", "I6b"}),
    "a duplicate is missing": ("DELETE FROM duplicates", {"I1c", "I6b"}),
    "a dead letter is missing": ("DELETE FROM buried", {"I1c", "I1d"}),
    "a good request was buried": (
        "INSERT INTO buried VALUES ('judgify.requests.v1', 0, 10, 1020, 'postgres-sink')",
        {"I1d"},
    ),
    "work is left": ("UPDATE facts SET value = 3 WHERE name = 'left_unfinished'", {"I1e"}),
    "the work took too long": ("INSERT INTO facts VALUES ('converge_s', 61)", {"I1e"}),
    "a row is there twice": (
        "INSERT INTO stored SELECT * FROM stored WHERE n = 20",
        {"I2a"},
    ),
    "nothing keeps rows single": (
        "UPDATE facts SET value = 0 WHERE name = 'unique_index'",
        {"I2a"},
    ),
    "a judgment is its own duplicate": (
        "INSERT INTO duplicates SELECT judgment_id, o_partition, o_offset, o_ts, at FROM stored WHERE n = 20",
        {"I2b"},
    ),
    "an escalation without a row": (
        "DELETE FROM stored WHERE n = 120",
        {"I1c", "I3a", "I6b"},
    ),
    "an escalation that is row and duplicate": (
        "INSERT INTO duplicates SELECT judgment_id, o_partition, o_offset, o_ts, at FROM stored WHERE n = 120",
        {"I2b", "I3a"},
    ),
    "a proven verdict came from an LLM": (
        'UPDATE results SET content = \'{"method":"hybrid"}\' WHERE n = 20',
        {"I3b", "I4b"},
    ),
    "a commit ran ahead of the answers": (
        "UPDATE offsets SET committed = 9 WHERE agent = 'llm-agent' AND partition = 0 AND t = 1",
        {"I6c"},
    ),
    "a redelivery was decided otherwise": (
        "UPDATE results SET content = 'other' WHERE offset = 9000",
        {"I4a"},
    ),
    "a row was changed": ("UPDATE stored SET content = 'other' WHERE n = 20", {"I4b"}),
    "a verdict is wrong": ("UPDATE results SET verdict = 'fail' WHERE n = 20", {"I4c"}),
    "a commit ran ahead of the results": (
        "UPDATE offsets SET committed = 301 WHERE agent = 'rule-agent' AND partition = 0 AND t = 6",
        {"I6a"},
    ),
    "a commit ran ahead of the rows": ("UPDATE stored SET at = 109 WHERE n = 20", {"I6b"}),
    "a result of nothing": (
        "INSERT INTO results VALUES (0, 9001, 'j-x', 0, 5000, 1, 5000, 'decided', 'ok', 'c')",
        {"I7a"},
    ),
    "a judgment under another's id": (
        "UPDATE sent SET judgment_id = 'j-other' WHERE n = 20",
        {"I7b"},
    ),
    "too much memory": ("UPDATE vitals SET rss_mib = 251 WHERE t = 25", {"I8"}),
    "a slow recovery": ("UPDATE recoveries SET took_s = 31", {"I9"}),
    "no recovery": ("UPDATE recoveries SET took_s = NULL", {"I9"}),
    "an end of its own": ("UPDATE ended SET cause = NULL WHERE cause = 'stop'", {"I9b"}),
    "a slow end": ("UPDATE ended SET term_took_s = 10.3 WHERE cause = 'stop'", {"I10"}),
    "an end without an orderly stop": (
        "UPDATE ended SET reason = 'killed by SIGTERM' WHERE t = 60",
        {"I10"},
    ),
    "an end with an error": ("UPDATE ended SET reason = 'exit code 75' WHERE t = 60", {"I10"}),
    "files are left open": ("UPDATE vitals SET files = 90 WHERE t > 50", {"I14a"}),
    "a connection is left": (
        "UPDATE facts SET value = 1 WHERE name = 'connections_left'",
        {"I14b"},
    ),
    "a dead process at the end": ("UPDATE facts SET value = 0 WHERE name = 'alive'", {"I15"}),
    "a fault went on": ("INSERT INTO facts VALUES ('unhealed', 1)", {"I15"}),
    "nobody was killed": ("UPDATE ended SET reason = 'exit code 70' WHERE t = 5", {"I15"}),
    "nothing came twice": ("DELETE FROM results WHERE offset = 9000", {"I15"}),
    "no LLM answered": ("UPDATE facts SET value = 31 WHERE name = 'answered_min'", {"I15"}),
    "nothing was sent": ("UPDATE sent SET offset = NULL", {"I15"}),
    "nobody looked at offsets": ("DELETE FROM offsets", {"I15"}),
    "nobody looked at processes": ("DELETE FROM vitals", {"I15"}),
    "nobody measured a recovery": ("DELETE FROM recoveries", {"I15"}),
    "nobody asked for the audit": ("DELETE FROM facts WHERE name = 'audit'", {"I15"}),
    "nobody counted what is left": (
        "UPDATE facts SET value = NULL WHERE name = 'left_unfinished'",
        {"I15"},
    ),
    "a fault was left out": (
        """UPDATE facts SET value = '["fill-disk postgres: no small disk"]' WHERE name = 'skipped'""",
        {"I16"},
    ),
    "most faults came too late": ("UPDATE facts SET value = 1 WHERE name = 'planned'", {"I16"}),
    "nobody noted what was left out": ("DELETE FROM facts WHERE name = 'skipped'", {"I16"}),
    "the audit complains": ("UPDATE facts SET value = 1 WHERE name = 'audit'", {"audit"}),
}
"""What was done to the evidence, and which invariants must say so."""


@pytest.mark.parametrize(("damage", "codes"), DAMAGES.values(), ids=DAMAGES)
def test_each_damage_is_found(evidence: Evidence, damage: str, codes: set[str]) -> None:
    evidence.connection.execute(damage)

    assert find_broken(evidence) == codes


def test_an_llm_that_is_asked_again_may_answer_otherwise(evidence: Evidence) -> None:
    evidence.connection.execute(
        "INSERT INTO results SELECT partition, 9100, judgment_id, o_partition, o_offset, o_ts, n,"
        " 'undetermined', NULL, 'other' FROM results WHERE n = 120"
    )
    evidence.connection.execute("UPDATE sent SET status = NULL WHERE n = 120")

    assert find_broken(evidence) == set()


def test_on_a_laptop_a_fault_may_be_left_out(evidence: Evidence) -> None:
    evidence.set_facts(skipped='["fill-disk postgres: no small disk"]', all_must_strike=0)

    assert find_broken(evidence) == set()


def test_every_invariant_is_seen_to_fail() -> None:
    seen = set().union(*(codes for _, codes in DAMAGES.values()))

    assert seen == {invariant.code for invariant in INVARIANTS}


@pytest.mark.timeout(400)
def test_a_build_with_a_broken_ledger_is_caught(tmp_path: Path) -> None:
    faults = (
        Planned(3.0, "lock", "postgres", 4.0),
        Planned(5.0, "kill", "postgres-sink/0", 0.0),
        Planned(5.1, "kill", "postgres-sink/1", 0.0),
    )
    path = tmp_path / "schedule.json"
    Schedule(seed=0, seconds=8.0, rate_per_s=300, faults=faults).save(path)
    command = [sys.executable, "-m", "tests.chaos", "--broken-ledger", "--schedule", str(path)]

    ended = subprocess.run(command, capture_output=True, text=True, timeout=380, check=False)

    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "is in no table" in ended.stdout, ended.stdout
    shutil.rmtree(Path(ended.stdout.partition("kept: ")[2].split("\n")[0]))
