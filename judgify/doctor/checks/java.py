"""Java: the local Kafka runs on it."""

from collections.abc import Iterator

from judgify.doctor.finding import Finding, fail, ok, skip
from judgify.doctor.subject import Subject
from judgify.stack.java import VERSION_MIN, ask_version, find_java
from schemas.errors import FatalError


def look(subject: Subject) -> Iterator[Finding]:
    """Find a Java, and ask it for its version."""
    if not subject.uses_local_stack:
        yield skip("not needed: Kafka is not the local stack's")
        return
    try:
        java = find_java()
    except FatalError as error:
        yield fail(str(error), "pip install 'judgify[embedded]', or set KAFKA_BOOTSTRAP_SERVERS")
        return
    version = ask_version(str(java))
    if version < VERSION_MIN:
        yield fail(
            f"{java} does not say that it is Java {VERSION_MIN} or newer",
            "pip install --force-reinstall 'judgify[embedded]'",
        )
    else:
        yield ok(f"{version}, {java}")
