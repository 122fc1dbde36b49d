"""Settings of a topic, changed while it is in use."""

from confluent_kafka.admin import (  # type: ignore[attr-defined]  # -- documented exports
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
)


def alter_topic(bootstrap: str, topic: str, name: str, value: str) -> None:
    """Set one setting of `topic`; return when the broker has taken it."""
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for answer in admin.incremental_alter_configs([resource]).values():
        answer.result()
