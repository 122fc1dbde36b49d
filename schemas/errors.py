"""The three kinds of error. Anything else that is raised is a bug of ours.

The kind decides what the seam does (docs/architecture.md, "Errors"); the kinds are wire values,
written to dead letters, so they live with the schemas.
"""

from typing import ClassVar


class PipelineError(Exception):
    """An error whose kind tells the seam what to do with the record at hand."""

    kind: ClassVar[str] = "bug"


class MessageError(PipelineError):
    """This record can never work: it is buried, acknowledged, and the stream goes on."""

    kind = "message"

    def __init__(self, code: str, reason: str) -> None:
        """Say what is wrong: `code` in lower_snake_case, `reason` in words, without payload."""
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


class DependencyError(PipelineError):
    """It may work later: the partition is held and tried again; nothing is acknowledged."""

    kind = "dependency"

    def __init__(self, dependency: str, reason: str) -> None:
        """Name the `dependency` as in the metric `dependency_up{name}`, and what it answered."""
        super().__init__(f"{dependency}: {reason}")
        self.dependency = dependency
        self.reason = reason


class FatalError(PipelineError):
    """We are misconfigured: the process stops at once with this one line."""

    kind = "fatal"
