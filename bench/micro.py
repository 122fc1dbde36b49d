"""The parts of a judgment by themselves, in process: microseconds per request, best of several."""

import gc
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Final, NamedTuple

import orjson

from bench.peers.judging import open_agent, tune_collector
from bench.track import Load, Track
from rules.ruling import rule_outcome
from rules.workflow.compiled import compile_workflow
from rules.workflow.reader import read_workflow
from schemas.decode import parse_request
from schemas.identity import make_judgment_id
from stream.batch import Batch

REPEATS: Final = 9
REQUESTS_MAX: Final = 10_000
SLICE_RECORDS: Final = 1_000


class _Record(NamedTuple):
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


def measure_parts(track: Track, load: Load) -> dict[str, float]:
    """Return what each part of a judgment takes, microseconds of processor time per request."""
    now_ms = time.time_ns() // 1_000_000
    records = [
        _Record(offset, now_ms, key, value)
        for offset, (key, value) in enumerate(load.requests[:REQUESTS_MAX])
    ]
    values = [record.value for record in records]
    parsed = [parse_request(value) for value in values]
    document = read_workflow(track.workflow.read_text(encoding="utf-8"), track.workflow.name)
    find = compile_workflow(document.data).find
    found = [find(request.input_data) for request in parsed]
    agent = open_agent(track.workflow, track.results, version("judgify"))

    def judge() -> None:
        for start in range(0, len(records), SLICE_RECORDS):
            batch = Batch(track.requests, 0, records[start : start + SLICE_RECORDS])
            decider = agent.open_batch(batch)
            _ = [decider.decide(record) for record in batch.records]
            decider.finished()

    parts: dict[str, Callable[[], object]] = {
        "whole judgment (decode to encoded record)": judge,
        "strict decode of the request": lambda: [parse_request(value) for value in values],
        "orjson.loads alone, for comparison": lambda: [
            orjson.loads(value or b"") for value in values
        ],
        "rules": lambda: [find(request.input_data) for request in parsed],
        "outcome of the rules": lambda: [rule_outcome(findings, "hybrid") for findings in found],
        "judgment id": lambda: [
            make_judgment_id(it.tenant, it.workflow_id, it.request_id or "") for it in parsed
        ],
    }
    tune_collector()
    timed = {name: _time_us(part, len(records)) for name, part in parts.items()}
    gc.unfreeze()
    return timed


def _time_us(part: Callable[[], object], requests: int) -> float:
    """Return the best of several repeats: whatever disturbs a run only makes it longer."""
    best_s = float("inf")
    for _ in range(REPEATS):
        started_s = time.process_time()
        part()
        best_s = min(best_s, time.process_time() - started_s)
    return round(best_s / requests * 1_000_000, 2)
