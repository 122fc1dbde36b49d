"""The operations of the AsyncAPI document: what each program of ours reads and writes."""

from collections.abc import Iterator
from typing import Any, Literal

from judgify.asyncapi.channels import PREFIX
from judgify.asyncapi.messages import CARRIED, KAFKA_BINDING
from judgify.asyncapi.parties import OURS
from topics.registry import TOPICS, Party, TopicSpec

Named = tuple[str, dict[str, Any]]


def describe_operations() -> dict[str, Any]:
    """Return `operations`, named `rule-agent.receive.requests.v1`.

    Only those of programs that exist, on topics that carry something: the registry already knows
    what later ones will do.
    """
    return dict(
        sorted(named for spec in TOPICS if spec.name in CARRIED for named in _operations(spec))
    )


def _operations(spec: TopicSpec) -> Iterator[Named]:
    for party in spec.writers:
        yield from _describe(party, "send", spec, f"{party} writes it.")
    for party in spec.readers:
        for name, operation in _describe(
            party, "receive", spec, f"{party} reads it; its copies share the partitions."
        ):
            yield name, operation | {"bindings": {"kafka": _describe_group(party)}}
    for party in spec.followers:
        said = f"Every copy of {party} reads all of it from the start, without a group."
        yield from _describe(party, "receive", spec, said)


def _describe(
    party: Party, action: Literal["send", "receive"], spec: TopicSpec, summary: str
) -> Iterator[Named]:
    """Yield the operation, if it is one of a program of ours."""
    if party not in OURS:
        return
    channel = f"#/channels/{spec.name}"
    yield (
        f"{party}.{action}.{spec.name}",
        {
            "action": action,
            "channel": {"$ref": channel},
            "summary": summary,
            "tags": [{"name": party}],
            "messages": [{"$ref": f"{channel}/messages/{name}"} for name in CARRIED[spec.name]],
        },
    )


def _describe_group(party: Party) -> dict[str, Any]:
    group = {
        "type": "string",
        "default": f"{PREFIX}{party}",
        "description": "The prefix and the process's name.",
    }
    return {"groupId": group, "bindingVersion": KAFKA_BINDING}
