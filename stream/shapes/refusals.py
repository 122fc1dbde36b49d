"""What no shape lets pass: a record that is to be skipped, an outcome that is too large."""

from typing import Final

from schemas.errors import MessageError
from stream.publisher import RECORD_BYTES_MAX

VALUE_BYTES_MAX: Final = RECORD_BYTES_MAX - 262_144
"""What is left for the value of an outcome beside its key and headers."""


def refuse_skipped(reason: str | None) -> None:
    """Refuse a record that is to be skipped for `reason`; None lets it pass."""
    if reason is not None:
        raise MessageError("skipped", reason)


def refuse_large(size_bytes: int) -> None:
    """Refuse an outcome whose value is larger than `VALUE_BYTES_MAX`."""
    if size_bytes > VALUE_BYTES_MAX:
        raise MessageError(
            "output_too_large",
            f"its outcome has {size_bytes} bytes, at most {VALUE_BYTES_MAX} can be published",
        )
