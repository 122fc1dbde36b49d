"""Deterministic ids: the same request has the same judgment, however often it is delivered."""

import uuid
from collections.abc import Callable
from hashlib import sha1

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://judgify.ai/judgment")
"""Namespace of judgment ids; a change would give every request a second judgment."""

_NAMESPACE_BYTES = NAMESPACE.bytes
_SEPARATOR = "\x1f"


def make_judgment_id(tenant: str, workflow_id: str, request_id: str) -> str:
    """Return the UUID of the judgment, 36 characters.

    Equal to `str(uuid.uuid5(NAMESPACE, tenant + 0x1F + workflow_id + 0x1F + request_id))`.
    """
    return prepare_judgment_ids(tenant, workflow_id)(request_id)


def prepare_judgment_ids(tenant: str, workflow_id: str) -> Callable[[str], str]:
    """Return `make_judgment_id` of one workflow: what its requests share is encoded once."""
    begun = _NAMESPACE_BYTES + f"{tenant}{_SEPARATOR}{workflow_id}{_SEPARATOR}".encode()

    def make_id(request_id: str) -> str:
        hexed = sha1(begun + request_id.encode(), usedforsecurity=False).hexdigest()
        variant = _VARIANT[hexed[16]]
        return f"{hexed[:8]}-{hexed[8:12]}-5{hexed[13:16]}-{variant}{hexed[17:20]}-{hexed[20:32]}"

    return make_id


def make_request_id(
    cluster_id: str, topic: str, partition: int, offset: int, timestamp_ms: int
) -> str:
    """Return the id of a request whose producer gave none: a UUID of where it stands.

    The timestamp tells a topic that was deleted and created again from the one before.
    """
    return _uuid5(
        _SEPARATOR.join((cluster_id, topic, f"{partition}", f"{offset}", f"{timestamp_ms}"))
    )


def _uuid5(name: str) -> str:
    return _format(sha1(_NAMESPACE_BYTES + name.encode(), usedforsecurity=False).hexdigest())


def _format(digest: str) -> str:
    # uuid.uuid5 spends four fifths of its 5 us on building the object; only the text is needed.
    # Source: RFC 9562 section 5.5 (version 5, variant 10).
    variant = _VARIANT[digest[16]]
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


_VARIANT = {f"{nibble:x}": f"{nibble & 0x3 | 0x8:x}" for nibble in range(16)}
