"""Advisory locks share one number space: two of a number would keep strangers out."""

from sinks.postgres import migrate, prune, redrive_queries


def test_no_two_commands_take_the_same_lock() -> None:
    ids = [migrate.LOCK_ID, prune.LOCK_ID, redrive_queries.LOCK_ID]

    assert len(set(ids)) == len(ids)
