"""Topics: all of the registry, each with its partitions and settings."""

from collections.abc import Iterator
from typing import Final

from judgify.doctor.finding import Finding, fail, ok
from judgify.doctor.subject import Subject
from topics.provisioning import check_topics
from topics.registry import TOPICS

MISSING: Final = " does not exist"
"""As `check_topics` says it."""


def look(subject: Subject) -> Iterator[Finding]:
    """Compare the broker's topics with the registry."""
    settings = subject.settings
    differences = check_topics(str(subject.kafka), settings.topic_prefix, settings.profile)
    missing = [line.removesuffix(MISSING) for line in differences if line.endswith(MISSING)]
    if missing:
        yield fail(f"missing: {', '.join(missing)}", "`judgify topics create`")
    for line in differences:
        if not line.endswith(MISSING):
            yield fail(line, "set it so (kafka-configs.sh), or create the topic anew")
    if not differences:
        yield ok(f"{len(TOPICS)} under {settings.topic_prefix}, as the registry has them")
