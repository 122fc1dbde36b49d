"""The LLM lane for tests: the rule lane, copies of llm-agent, and who answers them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import asyncpg
import orjson

from tests.support.lane import Lane
from tests.support.load import fetch
from tests.support.own_valkey import OwnValkey
from tests.support.services import delete_topics, make_name
from tests.support.stand_in_llm import StandInLlm
from tests.support.waiting import wait_until

WORN: Final[dict[str, Any]] = {
    "Type": "M",
    "Air temperature [K]": 298.1,
    "Process temperature [K]": 308.6,
    "Rotational speed [rpm]": 1_500,
    "Torque [Nm]": 40,
    "Tool wear [min]": 210,
}
"""A reading whose tool is worn: no rule can say what becomes of it."""
STORED_S: Final = 30.0
QUERY: Final = (
    "select request_id, method, status, verdict, reason, degraded, detail->'llm' as llm"
    " from judgment_executions"
)


class LlmLane(Lane):
    """A rule lane whose open questions go to an LLM."""

    def __init__(self, bootstrap: str, prefix: str, logs: Path, database_url: str) -> None:
        super().__init__(bootstrap, prefix, logs, database_url)
        self.database_url = database_url
        self.environment["ENABLE_LLM_ENGINE"] = "true"

    def lead_to(self, stand_in: StandInLlm) -> None:
        """Let every process that is started from now on ask `stand_in`."""
        self.environment |= {
            "OPENAI_BASE_URL": stand_in.base_url,
            "OPENAI_API_KEY": "none-is-asked-for",
            "OPENAI_MODEL": "judgify-fake",
        }

    def escalate(self, name: str, count: int) -> list[str]:
        """Send `count` readings that no rule decides, each of another machine; return their ids."""
        names = [f"{name}-{number}" for number in range(count)]
        for each in names:
            request = {
                "request_id": each,
                "workflow_id": "milling",
                "input_data": WORN | {"Product ID": each},
            }
            self.producer.produce(self.requests, orjson.dumps(request), key=each)
        assert self.producer.flush(20) == 0
        return names

    def find(self, names: list[str]) -> dict[str, asyncpg.Record]:
        """Return the rows of requests by their ids."""
        return {row["request_id"]: row for row in self._rows() if row["request_id"] in {*names}}

    def wait_for(
        self, names: list[str], timeout_s: float = STORED_S
    ) -> Mapping[str, asyncpg.Record]:
        """Return the rows of all of `names` when there are such."""
        wait_until(lambda: len(self.find(names)) == len(names), timeout_s, what=f"{names[0]} …")
        return self.find(names)

    def judge(self, name: str, count: int) -> list[asyncpg.Record]:
        """Send readings that no rule decides; return their rows."""
        return list(self.wait_for(self.escalate(name, count)).values())

    def _rows(self) -> list[asyncpg.Record]:
        return fetch(self.database_url, QUERY)


@contextmanager
def open_llm_lane(bootstrap: str, database_url: str, logs: Path) -> Iterator[LlmLane]:
    """Make a lane with a Valkey of its own, so that no other run has asked its questions."""
    prefix = f"{make_name('test-')}."
    with OwnValkey() as valkey:
        lane = LlmLane(bootstrap, prefix, logs, database_url)
        lane.environment["REDIS_URL"] = valkey.url
        try:
            yield lane
        finally:
            lane.close()
            delete_topics(bootstrap, prefix)


def use_of(row: asyncpg.Record) -> dict[str, Any] | None:
    """Return the LLM's part in a judgment; None where nobody was asked."""
    use: dict[str, Any] | None = orjson.loads(row["llm"])
    return use
