"""Runs the checks: all at once, each in a thread of its own that is left behind after its time."""

import threading
import time
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from judgify.doctor.checks import (
    clock,
    data_dir,
    disk,
    groups,
    jars,
    java,
    kafka,
    llm,
    memory,
    ports,
    postgres,
    python,
    redis,
    settings,
    stack,
    topics,
)
from judgify.doctor.finding import Finding, Look, fail, skip
from judgify.doctor.subject import Subject
from runtime.masking import mask
from schemas.errors import PipelineError

TIMEOUT_S: Final = 5.0
"""Of one check."""
FINDINGS_MAX: Final = 50
"""Of one check; what else it would say is the same again."""
REPORT: Final = "report it as a bug of Judgify, with this line"


class Check(NamedTuple):
    """A check by its name."""

    name: str
    look: Look
    needs: str | None = None
    """The check without whose success this one would only repeat what that one says."""


CHECKS: Final = (
    Check("python", python.look),
    Check("settings", settings.look),
    Check("memory", memory.look),
    Check("data directory", data_dir.look),
    Check("disk", disk.look),
    Check("java", java.look),
    Check("jars", jars.look),
    Check("ports", ports.look),
    Check("local stack", stack.look),
    Check("kafka", kafka.look),
    Check("topics", topics.look, needs="kafka"),
    Check("clock", clock.look, needs="kafka"),
    Check("groups", groups.look, needs="kafka"),
    Check("postgres", postgres.look),
    Check("redis", redis.look),
    Check("llm", llm.look),
)


@dataclass(frozen=True, slots=True)
class Examined:
    """A check and what it found."""

    name: str
    findings: Sequence[Finding]

    @property
    def failed(self) -> bool:
        return any(finding.level == "fail" for finding in self.findings)


def examine(
    subject: Subject, checks: Sequence[Check] = CHECKS, timeout_s: float = TIMEOUT_S
) -> list[Examined]:
    """Return what every check finds, in their order, within twice `timeout_s`."""
    first = _run([check for check in checks if check.needs is None], subject, timeout_s)
    failed = {name for name, found in first.items() if found.failed}
    later = [check for check in checks if check.needs is not None]
    found = first | _run([it for it in later if it.needs not in failed], subject, timeout_s)
    for check in later:
        if check.needs in failed:
            found[check.name] = Examined(check.name, [skip(f"not looked at without {check.needs}")])
    return [found[check.name] for check in checks]


def _run(checks: Iterable[Check], subject: Subject, timeout_s: float) -> dict[str, Examined]:
    """Return what each of `checks` finds; all run at once, and share one deadline."""
    running = [_Running(check, subject) for check in checks]
    deadline_s = time.monotonic() + timeout_s
    for it in running:
        it.thread.start()
    return {it.check.name: it.collect(deadline_s, timeout_s) for it in running}


class _Running:
    """One check at work. The thread is a daemon: what never returns does not keep the command."""

    def __init__(self, check: Check, subject: Subject) -> None:
        self.check = check
        self._subject = subject
        self._findings: list[Finding] = []
        self._ended = False
        """It came to its end, or said why it could not."""
        self.thread = threading.Thread(target=self._look, name=check.name, daemon=True)

    def collect(self, deadline_s: float, timeout_s: float) -> Examined:
        """Return what was found until the deadline."""
        self.thread.join(max(0.0, deadline_s - time.monotonic()))
        findings = self._findings[:FINDINGS_MAX]
        if self.thread.is_alive():
            findings.append(fail(f"no answer in {timeout_s:g} s", "look whether it hangs"))
        elif not self._ended:
            findings.append(fail("the check itself broke", REPORT))
        return Examined(self.check.name, [_masked(finding) for finding in findings])

    def _look(self) -> None:
        with self:
            try:
                for finding in self.check.look(self._subject):
                    self._findings.append(finding)
            except (PipelineError, OSError, ValueError, LookupError) as error:
                told = f"cannot be looked at: {type(error).__name__}: {error}"
                self._findings.append(fail(told, "see to that, then ask again"))
            self._ended = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, bug: BaseException | None, at: TracebackType | None
    ) -> bool:
        """Make a bug of the check a finding: a traceback on the screen is masked by nobody."""
        if not isinstance(bug, Exception):
            return False
        place = traceback.extract_tb(at)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        told = f"the check itself broke at {where}: {type(bug).__name__}: {bug}"
        self._findings.append(fail(told, REPORT))
        self._ended = True
        return True


def _masked(finding: Finding) -> Finding:
    """Whatever a library put into its message, no secret is shown."""
    return Finding(finding.level, mask(finding.what), mask(finding.do))
