"""What the load sends: requests of several workflows, and some of everything that may go wrong.

Every request carries its own number `n` in its input, so that whatever comes out of it can be
traced back to it, whatever its id.
"""

import random
from dataclasses import dataclass
from typing import Any, Final

import orjson

from schemas.identity import make_judgment_id

TENANT: Final = "default"
KEYS: Final = 97
MALFORMED: Final = b'{"n":%d,"malformed":'
_SHARES: Final = {
    "test": 55,
    "milling": 28,
    "repeat": 5,
    "conflict": 2,
    "nameless": 4,
    "unsure": 2,
    "unknown-workflow": 2,
    "unkeyed": 1,
    "malformed": 1,
}
"""Of a hundred requests, how many are of which kind."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One request as the load knows it."""

    n: int
    kind: str
    key: bytes | None
    value: bytes
    judgment_id: str | None
    """None: it has no id of its own, or cannot be read."""
    status: str | None
    """What must come out: of `milling` and malformed requests None."""
    verdict: str | None


class Workload:
    """Makes requests, the same ones for the same seed."""

    def __init__(self, seed: int, malformed_share: float | None = None) -> None:
        """With `malformed_share`, that part is malformed and the rest are plain `test` requests."""
        self._chance = random.Random(f"workload {seed}")
        self._malformed_share = malformed_share
        self._recent: list[tuple[str, int]] = []
        """Ids that were sent with the value that they had."""

    def make(self, n: int) -> Sent:
        kind = self._draw()
        key = None if kind == "unkeyed" else b"k%d" % self._chance.randrange(KEYS)
        if kind == "malformed":
            return Sent(n, kind, key, MALFORMED % n, None, None, None)
        if kind == "milling":
            return self._make_milling(n, key)
        return self._make_test(n, kind, key)

    def _draw(self) -> str:
        if self._malformed_share is not None:
            return "malformed" if self._chance.random() < self._malformed_share else "test"
        return self._chance.choices(list(_SHARES), list(_SHARES.values()))[0]

    def _make_test(self, n: int, kind: str, key: bytes | None) -> Sent:
        chance = self._chance
        request_id, value = f"r-{n}", chance.randint(0, 200)
        if kind in ("repeat", "conflict") and self._recent:
            request_id, earlier = chance.choice(self._recent)
            value = earlier if kind == "repeat" else 200 - earlier
        self._recent = [*self._recent[-500:], (request_id, value)]
        workflow = "nobody-published-this" if kind == "unknown-workflow" else "test"
        request: dict[str, Any] = {"workflow_id": workflow, "input_data": {"n": n}}
        if kind != "unsure":
            request["input_data"]["value"] = value
        if kind != "nameless":
            request["request_id"] = request_id
        status = {"unknown-workflow": "error", "unsure": "undetermined"}.get(kind, "decided")
        verdict = ("high" if value > 100 else "ok") if status == "decided" else None
        judgment_id = None if kind == "nameless" else make_judgment_id(TENANT, workflow, request_id)
        return Sent(n, kind, key, orjson.dumps(request), judgment_id, status, verdict)

    def _make_milling(self, n: int, key: bytes | None) -> Sent:
        chance = self._chance
        request = {
            "request_id": f"r-{n}",
            "workflow_id": "milling",
            "input_data": {
                "n": n,
                "Type": chance.choice("LMH"),
                "Air temperature [K]": 298.1,
                "Process temperature [K]": 308.6,
                "Rotational speed [rpm]": chance.randint(1_200, 2_800),
                "Torque [Nm]": round(chance.uniform(5, 75), 1),
                "Tool wear [min]": chance.randint(0, 250),
            },
        }
        judgment_id = make_judgment_id(TENANT, "milling", f"r-{n}")
        return Sent(n, "milling", key, orjson.dumps(request), judgment_id, None, None)
