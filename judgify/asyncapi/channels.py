"""The channels of the AsyncAPI document: one per topic of the registry, as production has it."""

from typing import Any, Final

from judgify.asyncapi.messages import CARRIED, KAFKA_BINDING
from runtime.settings import Settings
from topics.provisioning import REPLICAS
from topics.registry import SAME_PARTITIONS, TOPICS, Profile, TopicSpec

PROFILE: Final[Profile] = "production"
PREFIX: Final[str] = Settings.model_fields["topic_prefix"].default

_NOTHING_YET: Final = "Created, and nothing is written to it yet."
_SAME: Final = "An outcome has the key and the partition number of its request."


def describe_channels() -> dict[str, Any]:
    """Return `channels`, by the topic's name without its prefix."""
    return {spec.name: _describe(spec) for spec in TOPICS}


def _describe(spec: TopicSpec) -> dict[str, Any]:
    names = CARRIED.get(spec.name, ())
    return {
        "address": f"{{prefix}}{spec.name}",
        "title": spec.name,
        "summary": f"{spec.summary}.",
        "description": _describe_in_words(spec),
        "parameters": {"prefix": {"$ref": "#/components/parameters/prefix"}},
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {"kafka": _describe_topic(spec)},
    }


def describe_prefix() -> dict[str, Any]:
    """Return the parameter that every address begins with."""
    return {
        "default": PREFIX,
        "description": "JUDGIFY_TOPIC_PREFIX: what topics and consumer groups begin with.",
    }


def _describe_in_words(spec: TopicSpec) -> str:
    local = f"{spec.partitions('local')} partitions and {REPLICAS['local']} copy of each locally."
    return " ".join(
        [
            f"Record key: {spec.record_key}.",
            *([_SAME] if spec in SAME_PARTITIONS else []),
            local,
            *([] if spec.name in CARRIED else [_NOTHING_YET]),
        ]
    )


def _describe_topic(spec: TopicSpec) -> dict[str, Any]:
    return {
        "partitions": spec.partitions(PROFILE),
        "replicas": REPLICAS[PROFILE],
        "topicConfiguration": {
            name: _typed(name, value) for name, value in spec.config(PROFILE).items()
        },
        "bindingVersion": KAFKA_BINDING,
    }


def _typed(name: str, value: str) -> list[str] | int | str:
    """Return a broker setting as the Kafka binding spells it: lists and numbers are not text."""
    if name == "cleanup.policy":
        return value.split(",")
    return int(value) if value.removeprefix("-").isdigit() else value
