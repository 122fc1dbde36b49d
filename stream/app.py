"""The Faust app of a process: its settings, asserted as they are in force.

Of Faust the seam uses the settings, the membership in the group and the thread that fetches; the
app itself is never started (docs/decisions/0001). Source of each value: Faust 0.15.3's hazards,
docs/architecture.md, "Why not plain Faust".
"""

import tempfile
from pathlib import Path
from typing import Any, Final

import faust

from schemas.errors import FatalError

POLL_RECORDS: Final = 2_000
"""Records of one fetch, all partitions together."""
PARTITION_FETCH_BYTES: Final = 2_200_000
"""Bytes of one partition in one fetch: more than the largest record of any topic."""
REBALANCE_TIMEOUT_S: Final = 60
SESSION_TIMEOUT_S: Final = 10

_SETTINGS: Final[dict[str, Any]] = {
    "web_enabled": False,
    "topic_allow_declare": False,
    "topic_disable_leader": True,
    "value_serializer": "raw",
    "key_serializer": "raw",
    "processing_guarantee": "at_least_once",
    "broker_session_timeout": SESSION_TIMEOUT_S,
    "broker_heartbeat_interval": 3,
    "broker_rebalance_timeout": REBALANCE_TIMEOUT_S,
    "broker_request_timeout": 30,
    "broker_max_poll_interval": 1_000_000,
    "broker_max_poll_records": POLL_RECORDS,
    "broker_commit_interval": 1.0,
    "broker_check_crcs": True,
    "consumer_max_fetch_size": PARTITION_FETCH_BYTES,
    "consumer_auto_offset_reset": "earliest",
    "producer_acks": -1,
    "producer_request_timeout": 30,
    "producer_max_request_size": 2_097_152,
}


def make_app(group: str, bootstrap_servers: str) -> faust.App:
    """Return the app of consumer group `group`.

    Raises:
        FatalError: a setting is not in force as we set it (an environment variable, a new Faust).
    """
    brokers = ";".join(f"kafka://{server.strip()}" for server in bootstrap_servers.split(","))
    app = faust.App(
        group,
        broker=brokers,
        datadir=str(Path(tempfile.gettempdir()) / f"judgify-faust-{group}"),
        **_SETTINGS,
    )
    _assert_in_force(app, group)
    return app


def _assert_in_force(app: faust.App, group: str) -> None:
    wrong = [
        f"{name} is {actual!r}, not {wanted!r}"
        for name, wanted in _SETTINGS.items()
        if str(actual := getattr(app.conf, name)) not in _spellings(wanted)
    ]
    if app.conf.id != group:
        wrong.append(f"id is {app.conf.id!r}, not {group!r}")
    if wrong:
        raise FatalError("Faust's settings are not in force: " + "; ".join(wrong))


def _spellings(wanted: Any) -> set[str]:
    spellings = {str(wanted)}
    if isinstance(wanted, int) and not isinstance(wanted, bool):
        spellings.add(str(float(wanted)))
    if wanted == "at_least_once":
        spellings.add("ProcessingGuarantee.AT_LEAST_ONCE")
    return spellings
