"""Laws of the limits over a real Redis: shared by all copies, through kills, outages and loss."""

from hypothesis.stateful import rule

from tests.support.limit_machine import SpendingCopies, check_histories
from tests.support.services import require_url


class CopiesWithRedis(SpendingCopies):
    """The same histories, and a Redis that is away at times and forgets at times."""

    @rule()
    def lose_redis(self) -> None:
        """Redis goes away just after all have looked."""
        self.tick(1)
        self.fleet.redis_up = False

    @rule()
    def return_redis(self) -> None:
        self.fleet.redis_up = True

    @rule()
    def forget_all(self) -> None:
        """Redis loses everything just after all have looked."""
        self.tick(1)
        self.runner.run(self.fleet.flush())


def test_no_outage_loss_kill_or_midnight_lets_copies_exceed_the_limits_of_a_day() -> None:
    CopiesWithRedis.redis_url = require_url("REDIS_URL")

    check_histories(CopiesWithRedis, examples=25, steps=40)
