"""A build of Judgify whose ledger is broken: it commits whatever was handed out, finished or not.

`python -m tests.chaos --broken-ledger` runs it in place of the product, and must fail: a checker
that cannot is worth nothing.
"""

from judgify.cli.main import main
from stream.ledger import PartitionLedger


def say_all_is_finished(self: PartitionLedger) -> int | None:
    """Return the end of what was handed out, where the first unfinished offset belongs."""
    return self.expected


if __name__ == "__main__":
    PartitionLedger.first_unfinished = say_all_is_finished  # type: ignore[method-assign]  # -- that is the break
    main()
