"""How long Kafka may keep a record: what rests elsewhere about it must rest at least as long."""

from collections.abc import Iterable, Mapping

from schemas.errors import DependencyError
from topics.clients import DEPENDENCY
from topics.provisioning import fetch_settings


def fetch_lifetime_ms(bootstrap: str, names: Iterable[str]) -> int | None:
    """Return the longest life of a record of `names`; None when one of them keeps all for ever.

    Raises:
        DependencyError: Kafka did not answer, or one of them does not exist.
    """
    wanted = list(names)
    found = fetch_settings(bootstrap, wanted)
    absent = [name for name in wanted if name not in found]
    if absent:
        raise DependencyError(DEPENDENCY, f"{', '.join(absent)}: no such topic at {bootstrap}")
    lives = [find_lifetime_ms(settings) for settings in found.values()]
    return None if None in lives else max(life for life in lives if life is not None)


def find_lifetime_ms(settings: Mapping[str, str]) -> int | None:
    """Return how old a record of a topic with these settings may become; None: for ever.

    Kafka deletes a segment when its *newest* record has expired, and a quiet partition's segment
    is open for `segment.ms`: its oldest record lives that much longer than `retention.ms`.
    """
    retention_ms = int(settings["retention.ms"])
    if retention_ms < 0 or "delete" not in settings["cleanup.policy"]:
        return None
    return retention_ms + int(settings["segment.ms"])
