"""The evidence of a run: what was sent, what every topic and table holds, all in one SQLite file.

So each invariant is one query, and a run that failed can be asked further questions for as long as
its file is kept.
"""

import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import orjson
from confluent_kafka import Consumer, TopicPartition

from tests.chaos import sql
from tests.chaos.history import History
from tests.chaos.load import Load
from tests.chaos.schedule import AGENTS
from tests.chaos.workload import Sent
from tests.support.lane import Lane
from topics.headers import parse_dead_letter
from topics.registry import ESCALATIONS, full_name

SCHEMA: Final = """
CREATE TABLE sent (n INTEGER PRIMARY KEY, kind TEXT, judgment_id TEXT, status TEXT, verdict TEXT,
                   partition INTEGER, offset INTEGER, failure TEXT);
CREATE TABLE requests (partition INTEGER, offset INTEGER, ts INTEGER, n INTEGER,
                       PRIMARY KEY (partition, offset));
CREATE TABLE escalations (partition INTEGER, offset INTEGER, o_partition INTEGER,
                          o_offset INTEGER, o_ts INTEGER, n INTEGER,
                          PRIMARY KEY (partition, offset));
CREATE TABLE results (partition INTEGER, offset INTEGER, judgment_id TEXT, o_partition INTEGER,
                      o_offset INTEGER, o_ts INTEGER, n INTEGER, status TEXT, verdict TEXT,
                      content TEXT, PRIMARY KEY (partition, offset));
CREATE TABLE letters (partition INTEGER, offset INTEGER, topic TEXT, s_partition INTEGER,
                      s_offset INTEGER, s_ts INTEGER, agent TEXT, kind TEXT, code TEXT,
                      PRIMARY KEY (partition, offset));
CREATE TABLE stored (judgment_id TEXT, o_partition INTEGER, o_offset INTEGER, o_ts INTEGER,
                     n INTEGER, status TEXT, verdict TEXT, content TEXT, at REAL);
CREATE TABLE duplicates (judgment_id TEXT, o_partition INTEGER, o_offset INTEGER, o_ts INTEGER,
                         at REAL);
CREATE TABLE buried (topic TEXT, s_partition INTEGER, s_offset INTEGER, s_ts INTEGER, agent TEXT);
CREATE TABLE offsets (t REAL, at REAL, agent TEXT, partition INTEGER, committed INTEGER,
                      results_end INTEGER, letters_end INTEGER, escalations_end INTEGER);
CREATE TABLE vitals (t REAL, slot TEXT, pid INTEGER, rss_mib REAL, files INTEGER,
                     ready INTEGER);
CREATE TABLE ended (t REAL, slot TEXT, pid INTEGER, reason TEXT, cause TEXT, term_took_s REAL,
                    ready INTEGER);
CREATE TABLE recoveries (fault TEXT, target TEXT, lane TEXT, healed_s REAL, took_s REAL);
CREATE TABLE facts (name TEXT PRIMARY KEY, value);
"""
INDEXES: Final = """
CREATE INDEX escalations_by_origin ON escalations (o_partition, o_offset);
CREATE INDEX results_by_origin ON results (o_partition, o_offset);
CREATE INDEX results_by_id ON results (judgment_id);
CREATE INDEX letters_by_source ON letters (topic, s_partition, s_offset);
CREATE INDEX stored_by_origin ON stored (o_partition, o_offset);
CREATE INDEX stored_by_id ON stored (judgment_id);
CREATE INDEX duplicates_by_origin ON duplicates (o_partition, o_offset);
CREATE INDEX sent_by_place ON sent (partition, offset);
CREATE INDEX sent_by_id ON sent (judgment_id);
"""
CONTENT: Final = (
    "judgment_id", "request_id", "workflow_id", "workflow_version", "method", "status", "verdict",
    "confidence", "rule", "reason", "degraded", "input_data",
)  # fmt: skip
"""What must be equal wherever a judgment of one origin is found."""
READ_TIMEOUT_S: Final = 15.0
READ_AT_ONCE: Final = 5_000
_COLUMNS: Final = {
    "vitals": ("t", "slot", "pid", "rss_mib", "files", "ready"),
    "ended": ("t", "slot", "pid", "reason", "cause", "term_took_s", "ready"),
}
"""Events of the history that become rows as they are."""
_NUMBER: Final = re.compile(rb'"n":(\d+)')

_STORED: Final = f"""
SELECT judgment_id::text, origin_partition, origin_offset, origin_ts,
       (input_data->>'n')::int, status, verdict, extract(epoch FROM stored_at)::float8,
       jsonb_build_object({", ".join(f"'{name}', {name}" for name in CONTENT)})::text
FROM judgment_executions"""
_DUPLICATES: Final = """
SELECT judgment_id::text, origin_partition, origin_offset, origin_ts,
       extract(epoch FROM seen_at)::float8 FROM judgment_duplicates"""
_BURIED: Final = "SELECT topic, partition, record_offset, record_ts, agent FROM dead_letters"


class Evidence:
    """The SQLite file of one run."""

    def __init__(self, path: Path | str = ":memory:") -> None:
        self.connection = sqlite3.connect(path)
        self.connection.executescript(SCHEMA)

    def add(self, table: str, rows: Iterable[Sequence[Any]]) -> None:
        """Insert rows with all columns of `table`."""
        columns = len(self.connection.execute(f"PRAGMA table_info({table})").fetchall())
        marks = ", ".join("?" * columns)
        self.connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)

    def set_facts(self, **facts: float | str | None) -> None:
        """Keep single values that invariants and the report ask for."""
        rows = list(facts.items())
        self.connection.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", rows)

    def ask(self, question: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(question).fetchall()

    def value(self, question: str) -> Any:
        """Return the one value that `question` asks for."""
        return self.ask(question)[0][0]

    def finish(self) -> None:
        """Make it fit to be asked, and keep it."""
        self.connection.executescript(INDEXES)
        self.connection.commit()

    # -- gathering --------------------------------------------------------

    def add_load(self, load: Load) -> None:
        """Take in what was sent, and what the broker said to each."""
        self.add("sent", (_read_sent(load, it) for it in load.sent))

    def add_topics(self, lane: Lane) -> None:
        """Take in every record that the topics of `lane` hold."""
        bootstrap, results, letters = lane.bootstrap, lane.results, lane.dead_letters
        escalations = full_name(ESCALATIONS, lane.prefix)
        self.add("requests", (_read_request(it) for it in read_topic(bootstrap, lane.requests)))
        self.add("escalations", (_read_escalation(it) for it in read_topic(bootstrap, escalations)))
        self.add("results", (_read_result(it) for it in read_topic(bootstrap, results)))
        self.add("letters", (_read_letter(it) for it in read_topic(bootstrap, letters)))

    def add_tables(self, database_url: str) -> None:
        """Take in every row that PostgreSQL holds."""
        rows = sql.fetch(database_url, _STORED)
        self.add(
            "stored", [(*row[:-2], _canonical(orjson.loads(row[-1])), row[-2]) for row in rows]
        )
        self.add("duplicates", sql.fetch(database_url, _DUPLICATES))
        self.add("buried", sql.fetch(database_url, _BURIED))

    def add_history(self, history: History) -> None:
        """Take in what the observer and the fleet wrote down."""
        for event in history.read("offsets"):
            self.add("offsets", _read_offsets(event))
        for table, columns in _COLUMNS.items():
            rows = [tuple(event[name] for name in columns) for event in history.read(table)]
            self.add(table, rows)


def read_topic(bootstrap: str, topic: str) -> Iterator[Any]:
    """Yield every record of `topic` up to its present end."""
    settings = {"bootstrap.servers": bootstrap, "group.id": "chaos-checker", "log_level": 0}
    consumer = Consumer({**settings, "enable.auto.commit": False})
    try:
        partitions = consumer.list_topics(topic, timeout=READ_TIMEOUT_S).topics[topic].partitions
        for number in partitions:
            yield from _read_partition(consumer, topic, number)
    finally:
        consumer.close()


def _read_partition(consumer: Consumer, topic: str, number: int) -> Iterator[Any]:
    place = TopicPartition(topic, number)
    first, end = consumer.get_watermark_offsets(place, READ_TIMEOUT_S)
    place.offset = first
    consumer.assign([place])
    position = first
    while position < end:
        records = consumer.consume(min(READ_AT_ONCE, end - position), READ_TIMEOUT_S)
        if not records:
            raise TimeoutError(f"{topic}/{number} gives nothing at {position}, its end is {end}")
        for record in records:
            if record.error():
                raise RuntimeError(str(record.error()))
            position = (record.offset() or 0) + 1
            yield record


def _read_sent(load: Load, sent: Sent) -> tuple[Any, ...]:
    partition, offset = load.acknowledged.get(sent.n, (None, None))
    known = (sent.n, sent.kind, sent.judgment_id, sent.status, sent.verdict)
    return (*known, partition, offset, load.refused.get(sent.n))


def _read_request(record: Any) -> tuple[int, int, int, int | None]:
    found = _NUMBER.search(record.value() or b"")
    number = int(found[1]) if found else None
    return record.partition(), record.offset(), record.timestamp()[1], number


def _read_escalation(record: Any) -> tuple[Any, ...]:
    told = orjson.loads(record.value())
    origin = told["origin"]
    place = (origin["partition"], origin["offset"], origin["timestamp"])
    return (record.partition(), record.offset(), *place, told["input_data"].get("n"))


def _read_result(record: Any) -> tuple[Any, ...]:
    told = orjson.loads(record.value())
    origin = told["origin"]
    return (
        record.partition(), record.offset(), told["judgment_id"],
        origin["partition"], origin["offset"], origin["timestamp"],
        told["input_data"].get("n"), told["status"], told["verdict"],
        _canonical({name: told[name] for name in CONTENT}),
    )  # fmt: skip


def _read_letter(record: Any) -> tuple[Any, ...]:
    letter = parse_dead_letter(record.headers() or (), record.key(), record.value())
    source = (letter.topic, letter.partition, letter.offset, letter.timestamp)
    return (record.partition(), record.offset(), *source, letter.agent, letter.kind, letter.code)


def _canonical(document: Any) -> str:
    """Return JSON that is equal for equal content: jsonb keeps 1.0 as 1, and its own order."""
    return orjson.dumps(_as_floats(document), option=orjson.OPT_SORT_KEYS).decode()


def _as_floats(value: Any) -> Any:
    match value:
        case bool():
            return value
        case int():
            return float(value)
        case dict():
            return {name: _as_floats(member) for name, member in value.items()}
        case list():
            return [_as_floats(member) for member in value]
        case _:
            return value


def _read_offsets(event: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Yield a row per agent and partition; a letter goes to its partition modulo theirs."""
    letters = event["letters"]
    for agent in AGENTS:
        for number, committed in enumerate(event[agent]):
            place = (event["t"], event["at"], agent, number)
            letters_end = letters[number % len(letters)]
            ends = (event["results"][number], letters_end, event["escalations"][number])
            yield (*place, committed, *ends)
