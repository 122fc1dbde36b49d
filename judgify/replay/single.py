"""One request, or any bytes: sent, and followed to its outcome."""

import threading
from dataclasses import dataclass

from judgify.replay.outcomes import Outcome, Position
from judgify.replay.requests import encode_json
from judgify.replay.run import Plan
from judgify.replay.sending import Outgoing, RequestSender
from judgify.replay.tail import OutcomeTail
from runtime.clock import Clock, SystemClock
from schemas.identity import make_judgment_id, make_request_id
from schemas.request import Request
from topics import registry

WAIT_S = 0.2
"""Longest sleep; Ctrl-C is obeyed within it."""


@dataclass(frozen=True, slots=True)
class Sent:
    """Where the broker put a request, and when by its own clock."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    cluster_id: str


def encode_request(request: Request) -> bytes:
    """Return the request as it travels: what it leaves open is left out."""
    return encode_json(request.model_dump(exclude_defaults=True))


def send_and_follow(
    plan: Plan, outgoing: Outgoing, *, stop: threading.Event, clock: Clock | None = None
) -> tuple[Sent, Outcome | None]:
    """Send one record; with `plan.wait` also return what became of it.

    The outcome is None when the time was up, or `stop` was set.

    Raises:
        MessageError: it is larger than the topic takes.
        DependencyError: not acknowledged in time; it may be in the log all the same.
    """
    if not plan.wait:
        return send_one(plan, outgoing), None
    with plan.open_tail() as tail:
        sent = send_one(plan, outgoing)
        deadline = (plan.timeout_s, clock or SystemClock())
        return sent, _await_outcome(tail, sent, deadline, stop)


def send_one(plan: Plan, outgoing: Outgoing) -> Sent:
    """Send one record and return where it stands.

    Raises:
        MessageError: it is larger than the topic takes.
        DependencyError: Kafka's disk is short; or not acknowledged in time, and it may be in the
            log all the same.
    """
    plan.disk.check()
    heard: list[tuple[Position, int]] = []
    topic = plan.topic(registry.REQUESTS)
    sender = RequestSender(
        plan.bootstrap, topic, lambda position, timestamp_ms: heard.append((position, timestamp_ms))
    )
    sender.send(outgoing)
    sender.flush()
    position, timestamp_ms = heard[0]
    return Sent(topic, *position, timestamp_ms, sender.cluster_id)


def find_judgment_id(request: Request, sent: Sent) -> str:
    """Return the id that the judgment of `request` will have."""
    request_id = request.request_id or make_request_id(
        sent.cluster_id, sent.topic, sent.partition, sent.offset, sent.timestamp_ms
    )
    return make_judgment_id(request.tenant, request.workflow_id, request_id)


def _await_outcome(
    tail: OutcomeTail, sent: Sent, limit: tuple[float, Clock], stop: threading.Event
) -> Outcome | None:
    timeout_s, clock = limit
    request = Position(sent.partition, sent.offset)
    deadline_s = clock.monotonic_s() + timeout_s
    while clock.monotonic_s() < deadline_s and not stop.is_set():
        for outcome in tail.read(WAIT_S):
            if outcome.request == request:
                return outcome
    return None
