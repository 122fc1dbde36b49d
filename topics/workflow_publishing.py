"""Publishing about workflows: a version, and the order that puts one in force."""

from typing import Final

from rules.workflow.reader import WorkflowDocument
from schemas.workflow_record import Activation, WorkflowVersion
from topics.publishing import Published, publish
from topics.registry import WORKFLOWS, full_name
from topics.workflow_records import VersionKey, encode_activation, encode_version

SOURCE_CHARACTERS_MAX: Final = 262_144
"""A longer text is not kept beside its document."""


def publish_version(  # noqa: PLR0913 -- where, whose, what, by whom and why
    bootstrap: str,
    topic_prefix: str,
    tenant: str,
    document: WorkflowDocument,
    *,
    author: str,
    note: str = "",
) -> Published:
    """Publish `document` with the text that its author wrote; it judges once it is activated.

    Raises:
        DependencyError: not acknowledged; it may be in the log all the same.
    """
    text = document.source.text
    record = WorkflowVersion(
        document=document.data,
        author=author,
        note=note,
        source=text if len(text) <= SOURCE_CHARACTERS_MAX else None,
    )
    key = VersionKey(tenant, document.id, document.version)
    topic = full_name(WORKFLOWS, topic_prefix)
    return publish(bootstrap, topic, *encode_version(key, record))


def publish_activation(bootstrap: str, topic_prefix: str, activation: Activation) -> Published:
    """Publish the order that `activation` is.

    Raises:
        DependencyError: not acknowledged; it may be in the log all the same: see the history.
    """
    topic = full_name(WORKFLOWS, topic_prefix)
    return publish(bootstrap, topic, *encode_activation(activation))
