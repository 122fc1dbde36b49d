"""The canonical form of a workflow document, and its version.

The canonical document is what the author wrote, as JSON: nothing is filled in and nothing left
out, so that a version names exactly what was written. Only what the spelling leaves open is
settled: texts are in NFC and numbers are doubles (`3.0` is `3`). Comments, formatting, quoting and
the order of keys are not part of it; the order of lists is. Since the order of keys is not part of
a version, it means nothing either: it decides only in which order names are listed to people.
"""

import math
import unicodedata
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

import rfc8785

from rules.workflow.builder import DEPTH_MAX
from rules.workflow.problems import Problem, WorkflowErrors
from rules.workflow.scalars import ScalarError, canonical_number

DOCUMENT_BYTES_MAX: Final = 262_144
"""Size of a document in its canonical form; the text of a file has the same bound."""
DOCUMENT_FILE: Final = "<document>"
"""How errors name a document that came without a text."""


def canonical_bytes(document: Mapping[str, Any]) -> bytes:
    """Return the document in the form of RFC 8785; its SHA-256 is the version.

    Raises:
        WorkflowErrors: It holds what JSON cannot: NaN, infinities, half a surrogate pair, an
            integer that no double holds, other types, or more levels than a document may have.
    """
    try:
        return rfc8785.dumps(_settled(document, DEPTH_MAX))
    except (ScalarError, rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        message = f"this cannot be written as canonical JSON: {error}"
        raise WorkflowErrors([Problem(DOCUMENT_FILE, "", message)]) from error


def bounded_version_of(document: Mapping[str, Any], file: str = DOCUMENT_FILE) -> str:
    """Return the version of a document that is about to be checked.

    Raises:
        WorkflowErrors: It cannot be written as canonical JSON, or is larger than
            `DOCUMENT_BYTES_MAX` then: what cannot judge must not get a version.
    """
    canonical = canonical_bytes(document)
    if len(canonical) > DOCUMENT_BYTES_MAX:
        message = f"larger than {DOCUMENT_BYTES_MAX:,} bytes as canonical JSON"
        raise WorkflowErrors([Problem(file, "", message, "split it into workflows")])
    return sha256(canonical).hexdigest()


def version_of(document: Mapping[str, Any]) -> str:
    """Return the version that names the document: 64 hex digits."""
    return sha256(canonical_bytes(document)).hexdigest()


def _settled(value: Any, depth: int) -> Any:
    """Return the value with everything settled that spelling leaves open."""
    if depth < 0:
        raise ScalarError(f"nested deeper than {DEPTH_MAX} levels", "flatten it")
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, Mapping):
        return {_settled(key, 0): _settled(each, depth - 1) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_settled(each, depth - 1) for each in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        number = canonical_number(value)
        return float(number) if math.isfinite(number) else number
    raise ScalarError(f"a {type(value).__name__}", "JSON has text, numbers, true, false and null")
