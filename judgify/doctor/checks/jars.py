"""Kafka's jars: in the cache, and byte for byte those of the list."""

from collections.abc import Iterator

from judgify.doctor.finding import Finding, fail, ok, skip, warn
from judgify.doctor.subject import Subject
from judgify.stack.jars import find_cache_dir, is_intact, load_jar_list
from judgify.status.words import size


def look(subject: Subject) -> Iterator[Finding]:
    """Compare every jar with its SHA-256."""
    if not subject.uses_local_stack:
        yield skip("not needed: Kafka is not the local stack's")
        return
    cache, jars = find_cache_dir(), load_jar_list()
    there = [jar for jar in jars if (cache / jar.file_name).exists()]
    damaged = [jar for jar in there if not is_intact(cache / jar.file_name, jar)]
    if damaged:
        names = ", ".join(jar.file_name for jar in damaged[:3])
        yield fail(
            f"{len(damaged)} of {len(jars)} in {cache} are not what the list says: {names}",
            "`judgify up` fetches them again; find out who changed them",
        )
    elif len(there) < len(jars):
        yield warn(
            f"{len(jars) - len(there)} of {len(jars)} are not in {cache} yet",
            "nothing: `judgify up` fetches them once; that takes a network",
        )
    else:
        yield ok(f"{len(jars)}, {size(sum(jar.size_bytes for jar in jars))}, all as listed")
