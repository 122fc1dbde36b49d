"""What a redrive would do, and what it did: for the screen and as JSON."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from judgify.cli.console import note, print_table, say
from judgify.redrive.plan import EXAMPLES_MAX, Plan
from judgify.redrive.run import Outcome
from sinks.postgres.redrive_queries import LetterId


def show_plan(plan: Plan, missing: Sequence[str]) -> None:
    for text in missing:
        note(f"no dead letter of {text} is stored (is postgres-sink behind? `judgify status`)")
    if not plan.matched:
        say("no such dead letter is stored")
        return
    print_table(
        ("records", "buried by", "kind", "code", "to"),
        [
            (count, it.agent, it.kind, it.code, it.fate.destination or f"✗ {it.fate.obstacle}")
            for it, count in plan.counts.most_common()
        ],
    )
    for line in _examples(plan):
        say(line)


def _examples(plan: Plan) -> Iterator[str]:
    for letter in plan.todo[:EXAMPLES_MAX]:
        yield f"  {letter.place.text}"
    if len(plan.todo) > EXAMPLES_MAX:
        yield f"  … and {len(plan.todo) - EXAMPLES_MAX:,} more can be sent again"
    for letter, obstacle in plan.refused:
        yield f"  ✗ {letter.place.text}: {obstacle}"
    if plan.has_more:
        yield f"more match than --limit {plan.matched:,}: the others wait for another redrive"


def show_outcome(outcome: Outcome) -> None:
    told = ", ".join(f"{count:,} to {where}" for where, count in outcome.sent.items() if count)
    say(f"sent again: {told or 'nothing'}")
    if outcome.skipped:
        say(f"{outcome.skipped:,} changed meanwhile and were left as they are")
    for letter, reason in outcome.refused[:EXAMPLES_MAX]:
        say(f"  ✗ {letter.place.text}: {reason}")


def summarize(plan: Plan, missing: Sequence[str], outcome: Outcome | None) -> dict[str, Any]:
    return {
        "dry_run": outcome is None,
        "matched": plan.matched,
        "can_be_sent": len(plan.todo),
        "has_more": plan.has_more,
        "not_stored": missing,
        "groups": [
            {
                "records": count,
                "agent": it.agent,
                "kind": it.kind,
                "code": it.code,
                "destination": it.fate.destination,
                "obstacle": it.fate.obstacle or None,
            }
            for it, count in plan.counts.most_common()
        ],
        "sent": outcome.sent if outcome else {},
        "changed_meanwhile": outcome.skipped if outcome else 0,
        "refused": _describe_refused(plan.refused + (outcome.refused if outcome else [])),
        "failure": str(outcome.failure) if outcome and outcome.failure else None,
    }


def _describe_refused(refused: Iterable[tuple[LetterId, str]]) -> list[dict[str, str]]:
    return [{"record": letter.place.text, "reason": reason} for letter, reason in refused]
