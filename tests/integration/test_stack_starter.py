"""The workflow `test`: published once, completed after a crash, never forced on anybody."""

from judgify.stack.starter import TENANT, WORKFLOW_ID, load_starter, publish_starter
from rules.workflow.book import WorkflowBook
from rules.workflow.reader import read_workflow
from schemas.workflow_record import Activation, WorkflowVersion
from topics.publishing import publish
from topics.registry import WORKFLOWS, full_name
from topics.workflow_feed import WorkflowFeed
from topics.workflow_records import VersionKey, encode_activation, encode_version


def read_book(bootstrap: str, prefix: str) -> WorkflowBook:
    feed = WorkflowFeed(bootstrap, full_name(WORKFLOWS, prefix))
    feed.start()
    try:
        feed.reader.require_caught_up(30)
        return feed.book
    finally:
        feed.stop()


def activate(bootstrap: str, prefix: str, version: str | None) -> None:
    record = Activation(tenant=TENANT, workflow_id=WORKFLOW_ID, version=version, author="a person")
    publish(bootstrap, full_name(WORKFLOWS, prefix), *encode_activation(record))


def test_a_new_stack_has_it_and_a_second_start_changes_nothing(
    kafka_bootstrap: str, provisioned_topics: str
) -> None:
    assert publish_starter(kafka_bootstrap, provisioned_topics)
    assert not publish_starter(kafka_bootstrap, provisioned_topics)

    book = read_book(kafka_bootstrap, provisioned_topics)
    [version] = book.versions(TENANT, WORKFLOW_ID)
    [activation] = book.activations(TENANT, WORKFLOW_ID)
    assert version.version == activation.version == read_workflow(load_starter()).version
    assert version.compiled is not None


def test_what_a_crash_left_half_done_is_completed(
    kafka_bootstrap: str, provisioned_topics: str
) -> None:
    source = load_starter()
    document = read_workflow(source)
    key = VersionKey(TENANT, WORKFLOW_ID, document.version)
    record = WorkflowVersion(document=document.data, author="a crash")
    topic = full_name(WORKFLOWS, provisioned_topics)
    publish(kafka_bootstrap, topic, *encode_version(key, record))

    assert publish_starter(kafka_bootstrap, provisioned_topics)

    book = read_book(kafka_bootstrap, provisioned_topics)
    assert len(book.activations(TENANT, WORKFLOW_ID)) == 1
    [version] = book.versions(TENANT, WORKFLOW_ID)
    assert version.author == "a crash"


def test_one_that_was_retired_stays_retired(kafka_bootstrap: str, provisioned_topics: str) -> None:
    publish_starter(kafka_bootstrap, provisioned_topics)
    activate(kafka_bootstrap, provisioned_topics, None)

    assert not publish_starter(kafka_bootstrap, provisioned_topics)

    book = read_book(kafka_bootstrap, provisioned_topics)
    assert [each.version for each in book.activations(TENANT, WORKFLOW_ID)][-1] is None
