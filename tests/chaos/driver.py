"""The driver of one run: lay out, break under load (phase 1), heal and converge (phase 2), gather."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Final

from tests.chaos import sql
from tests.chaos.evidence import Evidence
from tests.chaos.faults import FAULTS, Fault, SkippedError
from tests.chaos.fleet import PROGRAM
from tests.chaos.observer import PREFIX
from tests.chaos.recovery import find_recoveries
from tests.chaos.scene import READY_TIMEOUT_S, Scene
from tests.chaos.schedule import AGENTS, ANSWERED_MIN, COPIES, KILLS_MIN, Planned, Schedule
from tests.chaos.stage import Stage
from tests.chaos.workload import Workload
from tests.support.lane import Lane
from topics.clients import open_admin

WARM_UP_S: Final = 2.0
START_PATIENCE_S: Final = 15.0
SLOWNESS_MAX: Final = 2.0
"""How much longer than planned phase 1 may take until every fault has struck."""
HEAL_TIMEOUT_S: Final = 60.0
CONVERGE_TIMEOUT_S: Final = 300.0
"""Far longer than the bound that is checked: what is late is not lost, and must not look it."""
ANSWER_TIMEOUT_S: Final = 15.0
PROGRESS_TIMEOUT_S: Final = 40.0
"""Longer than the bound that is checked, so that the checker says how long it took."""
_UNIQUE_INDEXES: Final = """
SELECT count(*) FROM pg_index WHERE indisunique AND indnkeyatts = 1
AND indrelid = 'judgment_executions'::regclass"""
_CONNECTIONS: Final = """
SELECT count(*) FROM pg_stat_activity WHERE application_name = 'postgres-sink'"""

Say = Callable[[str], None]


@dataclass(slots=True)
class _Active:
    """A fault that was injected and is not healed yet."""

    number: int
    planned: Planned
    fault: Fault
    until_s: float
    """When its healing begins (monotonic)."""


@dataclass(slots=True)
class Run:
    """One schedule on a stage of its own; what it leaves lies in `directory`."""

    schedule: Schedule
    directory: Path
    say: Say
    program: tuple[str, ...] = PROGRAM
    """What is run in place of the product's own command."""
    skipped: list[str] = field(default_factory=list)
    """Faults that this machine cannot have."""
    late: list[str] = field(default_factory=list)
    """Faults that found no time, because the machine was busy with other things."""
    _active: list[_Active] = field(default_factory=list)

    def execute(self) -> Evidence:
        """Run to the end; return the evidence, whatever it shows."""
        self.schedule.save(self.directory / "schedule.json")
        workload = Workload(self.schedule.seed)
        scene = Scene(self.directory, workload, self.schedule.rate_per_s, self.program)
        try:
            lane = scene.open(COPIES)
            scene.load.start()
            self._break(scene)
            self._heal(scene)
            facts = {"unhealed": len(self._active), **self._converge(scene)}
            audit = lane.run_judgify("audit", "--json")
            (self.directory / "audit.json").write_text(audit.stdout + audit.stderr, "utf-8")
            self.say(f"{scene.history.now_s():6.1f} s  everybody is asked to end")
            scene.stop_fleet()
            facts |= {"audit": audit.returncode, **_count_left_behind(scene.stage)}
            return self._gather(scene, lane, facts)
        finally:
            scene.close()

    # -- phase 1 ----------------------------------------------------------

    def _break(self, scene: Scene) -> None:
        """Inject every fault at its time and heal it at its time, under load.

        A machine that is busy with other things gets more time: the faults stay the same.
        """
        begun_s = time.monotonic() + WARM_UP_S
        due = list(enumerate(self.schedule.faults))
        seconds = self.schedule.seconds
        while (now_s := time.monotonic() - begun_s) < seconds * (SLOWNESS_MAX if due else 1):
            for number, planned in tuple(due):
                if self._is_due(planned, now_s, scene):
                    due.remove((number, planned))
                    self._inject(number, planned, scene)
            self._heal_due(scene, time.monotonic())
            scene.tick()
        self.late += [f"{_name(planned)}: the time was up before" for _, planned in due]

    def _is_due(self, planned: Planned, now_s: float, scene: Scene) -> bool:
        """Say whether it is time.

        Services are broken one at a time, however slow they come back; so is a copy, and not while
        it starts, unless that takes very long.
        """
        if planned.at_s > now_s:
            return False
        broken = {it.planned.target for it in self._active}
        member = scene.fleet.members.get(planned.target)
        if member is None:
            return all("/" in target for target in broken)
        if planned.target in broken:
            return False
        return member.was_ready or not member.wanted or now_s > planned.at_s + START_PATIENCE_S

    def _inject(self, number: int, planned: Planned, scene: Scene) -> None:
        fault = FAULTS[planned.fault](planned, scene.stage, scene.fleet)
        try:
            fault.inject()
        except SkippedError as error:
            self._skip(planned, error)
            return
        until_s = time.monotonic() + planned.hold_s
        self._active.append(_Active(number, planned, fault, until_s))
        held = f", {planned.hold_s:g} s" if planned.hold_s else ""
        at_s = self._note(scene, "injected", number, planned)
        self.say(f"{at_s:6.1f} s  {_name(planned)}{held}")

    def _skip(self, planned: Planned, error: SkippedError) -> None:
        self.skipped.append(f"{_name(planned)}: {error}")
        self.say(f"SKIPPED {self.skipped[-1]}")

    def _heal_due(self, scene: Scene, now_s: float = inf) -> None:
        for active in [it for it in self._active if it.until_s <= now_s]:
            try:
                healed = active.fault.heal()
            except SkippedError as error:
                self._skip(active.planned, error)
                healed = True
            if healed:
                self._note(scene, "healed", active.number, active.planned)
                self._active.remove(active)

    @staticmethod
    def _note(scene: Scene, event: str, number: int, planned: Planned) -> float:
        return scene.history.add(
            event, number=number, fault=planned.fault, target=planned.target, detail=planned.detail
        )

    # -- phase 2 ----------------------------------------------------------

    def _heal(self, scene: Scene) -> None:
        """Heal everything, and go on under load until each lane has made progress since."""
        self.say(f"{scene.history.now_s():6.1f} s  everything is being healed")

        def healed() -> bool:
            self._heal_due(scene)
            return not self._active

        scene.wait(healed, HEAL_TIMEOUT_S)
        healed_s = scene.history.add("all_healed")
        scene.wait_progress(healed_s, PROGRESS_TIMEOUT_S)

    def _converge(self, scene: Scene) -> dict[str, float]:
        """Stop the load and wait until nothing is left to do; return how that went."""
        self.say(
            f"{scene.history.now_s():6.1f} s  every lane goes on; the load stops, all is drained"
        )
        unanswered = scene.load.stop()
        sent = len(scene.load.sent)
        stopped_s = scene.history.add("load_stopped", sent=sent, unanswered=unanswered)
        left = scene.drain(CONVERGE_TIMEOUT_S)
        drained_s = scene.history.add("drained", left=left)
        return {
            "unanswered": unanswered,
            "left_unfinished": left,
            "converge_s": round(drained_s - stopped_s, 1),
            "alive": int(scene.wait(scene.fleet.are_ready, READY_TIMEOUT_S)),
        }

    def _gather(self, scene: Scene, lane: Lane, facts: dict[str, float]) -> Evidence:
        evidence = Evidence(self.directory / "evidence.sqlite")
        evidence.set_facts(**facts, seed=self.schedule.seed, kills_min=KILLS_MIN)
        evidence.set_facts(answered_min=ANSWERED_MIN)
        evidence.set_facts(skipped=json.dumps(self.skipped), late=json.dumps(self.late))
        evidence.set_facts(planned=len(self.schedule.faults))
        evidence.set_facts(all_must_strike=int(bool(os.environ.get("CI"))))
        evidence.add_load(scene.load)
        evidence.add_topics(lane)
        evidence.add_tables(scene.stage.database_url)
        evidence.add_history(scene.history)
        events = scene.history.read("injected", "healed", "offsets")
        evidence.add("recoveries", find_recoveries(events))
        evidence.finish()
        return evidence


def _name(planned: Planned) -> str:
    return f"{planned.fault} {planned.target} {planned.detail}".strip()


def _count_left_behind(stage: Stage) -> dict[str, float]:
    """Return what is still connected though nobody runs, and whether rows are kept single."""
    groups = [f"{PREFIX}{agent}" for agent in AGENTS]
    admin = open_admin(stage.bootstrap)  # kept until all have answered
    told = admin.describe_consumer_groups(groups, request_timeout=ANSWER_TIMEOUT_S)
    return {
        "unique_index": sql.fetch(stage.database_url, _UNIQUE_INDEXES)[0][0],
        "connections_left": sql.fetch(stage.database_url, _CONNECTIONS)[0][0],
        "members_left": sum(len(group.result().members) for group in told.values()),
    }
