"""Putting the demo's workflow in force, when it is not already."""

from typing import Final

from judgify.cli.activating import publish_activation, wait_in_force
from judgify.cli.context import CliContext
from judgify.cli.published import TENANT, open_published
from rules.workflow.reader import WorkflowDocument
from schemas.workflow_record import Activation
from topics.workflow_publishing import publish_version

AUTHOR: Final = "judgify demo"


def put_in_force(context: CliContext, document: WorkflowDocument) -> str:
    """Return the workflow's name, like `milling@1 (1041e4c96a91)`, once it judges.

    Publishes and activates only what is not published and active, so that a second demo changes
    nothing.

    Raises:
        DependencyError: Kafka does not answer.
    """
    with open_published(context) as published:
        active = published.active(document.id)
        if active is not None and active.version == document.version:
            return published.name(document.id, document.version)
        if published.timeline(document.id).version(document.version) is None:
            publish_version(
                context.kafka, context.settings.topic_prefix, TENANT, document, author=AUTHOR
            )
            published.wait_for(document.id, document.version)
        name = published.name(document.id, document.version)
    activation = Activation(
        tenant=TENANT,
        workflow_id=document.id,
        version=document.version,
        delay_ms=context.settings.activation_delay_ms,
        author=AUTHOR,
    )
    wait_in_force(publish_activation(context, activation))
    return name
