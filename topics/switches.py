"""The switches of a process: read from the control topic, joined with environment and file."""

from typing import Any, Final, NamedTuple

from runtime.clock import Clock
from runtime.logs import get_logger
from runtime.metrics import RUNTIME_FLAG
from runtime.settings import Settings
from schemas.control_record import ControlRecord
from schemas.errors import MessageError
from topics.compacted import CompactedReader
from topics.control_records import SKIP_PREFIX, Place, parse_control, parse_place
from topics.switch_table import SWITCHES, SwitchSpec, find_switch

SKIPS_MAX: Final = 10_000
"""Most orders to skip a record that a process obeys; unset old ones."""
CONTROL: Final = "control"
DEFAULT: Final = "default"

_log = get_logger(__name__)


class Vote(NamedTuple):
    """What one place says about a switch."""

    source: str
    """control, environment, file …, or default."""
    value: Any
    author: str | None = None
    note: str | None = None
    since_ms: int | None = None
    """Broker time of the control record, ms since the epoch."""


class Skip(NamedTuple):
    """An operator's order to bury one record."""

    author: str
    reason: str
    since_ms: int


class Switches:
    """Every switch's effective value, and the records to skip; in force within a second.

    Reads are lock-free: each change replaces whole objects. Until the control topic is read,
    environment, file and defaults decide.
    """

    def __init__(
        self, bootstrap: str, topic: str, settings: Settings, *, clock: Clock | None = None
    ) -> None:
        self._settings = settings
        self._records: dict[str, tuple[ControlRecord, int]] = {}
        self._values: dict[str, Any] = {}
        self._votes: dict[str, tuple[Vote, ...]] = {}
        self._skips: dict[Place, Skip] = {}
        self._skip_set: frozenset[Place] = frozenset()
        self.reader = CompactedReader(bootstrap, topic, self._apply, clock=clock)
        for spec in SWITCHES.values():
            self._weigh(spec)

    def start(self) -> None:
        self.reader.start()

    def stop(self) -> None:
        self.reader.stop()

    def wait_caught_up(self, timeout_s: float) -> bool:
        return self.reader.wait_caught_up(timeout_s)

    def confirmed_age_s(self) -> float:
        return self.reader.confirmed_age_s()

    @property
    def failure(self) -> str | None:
        """Why the control topic cannot be read at present; None when it can."""
        return self.reader.failure

    @property
    def llm_enabled(self) -> bool:
        return bool(self._values["llm.enabled"])

    @property
    def skips(self) -> frozenset[Place]:
        """The records to bury, as (topic, partition, offset)."""
        return self._skip_set

    def skip(self, place: Place) -> Skip | None:
        """Return who ordered to bury the record at `place`, and why; None: nobody did."""
        return self._skips.get(place)

    def value(self, name: str) -> Any:
        """Return the effective value of the switch `name`.

        Raises:
            MessageError: there is no such switch.
        """
        return self._values[find_switch(name).name]

    def sources(self, name: str) -> tuple[Vote, ...]:
        """Return what each place says about `name`; those that decided come first.

        Raises:
            MessageError: there is no such switch.
        """
        return self._votes[find_switch(name).name]

    def _apply(self, key: bytes, value: bytes | None, timestamp_ms: int, offset: int) -> None:
        del offset
        name = key.decode()
        record = None if value is None else parse_control(name, value)
        if name.startswith(SKIP_PREFIX):
            self._apply_skip(name, record, timestamp_ms)
            return
        spec = find_switch(name)
        if record is None:
            self._records.pop(name, None)
        else:
            spec.parse(record.value)
            self._records[name] = (record, timestamp_ms)
        before = self._values[name]
        self._weigh(spec)
        if self.reader.caught_up and self._values[name] != before:
            _log.info("switch_flipped", name=name, value=self._values[name])

    def _apply_skip(self, name: str, record: ControlRecord | None, timestamp_ms: int) -> None:
        place = parse_place(name.removeprefix(SKIP_PREFIX))
        skips = dict(self._skips)
        if record is None:
            skips.pop(place, None)
        elif len(skips) >= SKIPS_MAX:
            raise MessageError("too_many_skips", f"{SKIPS_MAX} are obeyed; unset old ones")
        else:
            skips[place] = Skip(record.author, record.note, timestamp_ms)
        self._skips = skips
        self._skip_set = frozenset(skips)

    def _weigh(self, spec: SwitchSpec) -> None:
        """Decide what holds for `spec`, and remember who said so."""
        votes = [vote for vote in (self._control_vote(spec), self._setting_vote(spec)) if vote]
        value = spec.strictest([vote.value for vote in votes])
        votes = votes or [Vote(DEFAULT, spec.default)]
        votes.sort(key=lambda vote: bool(spec.choices) and vote.value != value)
        self._votes = self._votes | {spec.name: tuple(votes)}
        self._values = self._values | {spec.name: value}
        RUNTIME_FLAG.labels(spec.name).set(spec.is_on(value))

    def _control_vote(self, spec: SwitchSpec) -> Vote | None:
        if spec.name not in self._records:
            return None
        record, since_ms = self._records[spec.name]
        value = spec.parse(record.value)
        return Vote(CONTROL, value, record.author, record.note, since_ms)

    def _setting_vote(self, spec: SwitchSpec) -> Vote | None:
        if spec.setting is None or self._settings.source(spec.setting) == DEFAULT:
            return None
        value = spec.parse(getattr(self._settings, spec.setting))
        return Vote(self._settings.source(spec.setting), value)
