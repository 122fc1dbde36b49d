"""The script of a stand-in: how late, how broken and how gullible it is."""

import io
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from schemas.errors import FatalError

SCRIPT_BYTES_MAX: Final = 262_144
FAULTS_MAX: Final = 64

FaultKind = Literal[
    "rate_limited",  # 429, with Retry-After where `retry_after_s` is given
    "quota",  # 429: the account is empty
    "auth",  # 401
    "error",  # `status`, 500 by default
    "redirect",  # 307, to another host
    "hang",  # no answer while the caller waits
    "drip",  # the right answer, a byte at a time
    "reset",  # the connection breaks
    "truncated",  # it breaks in the middle of the answer
    "html",  # a page instead of JSON, with status 200
    "garbage",  # bytes that are no text
    "huge",  # 50 MB of JSON
    "gzip_bomb",  # the same 1,000 times smaller on the wire
    "empty_choices",  # no reply in the answer
    "refusal",
    "incomplete",  # cut at the limit of tokens
    "nan",  # a reply whose confidence is NaN
    "unknown_verdict",  # a reply outside of the schema
]
Refusable = Literal[
    "temperature", "max_output_tokens", "max_tokens", "max_completion_tokens", "store", "schema"
]


def _text_keys(value: Any) -> Any:
    """YAML reads `0: ok` with a number as key; what stands in a file of values is text."""
    return {str(key): item for key, item in value.items()} if isinstance(value, dict) else value


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Latency(_Part):
    """How long each answer takes."""

    fixed_ms: float = Field(default=0, ge=0, le=600_000)
    jitter_ms: float = Field(default=0, ge=0, le=600_000)
    """Up to so much more, drawn by seed and number of the request."""


class Fault(_Part):
    """One way to fail, and which requests it meets: all, unless something narrower is said."""

    kind: FaultKind
    on: list[int] | None = None
    """Numbers of requests; the first since this script is in force has number 1."""
    until: int | None = Field(default=None, ge=1)
    """The last request that it meets."""
    share: float = Field(default=1.0, ge=0, le=1)
    """Of the others, drawn by seed and number."""
    retry_after_s: float | None = Field(default=None, ge=0)
    status: int = Field(default=500, ge=400, le=599)
    pause_ms: float = Field(default=200, ge=0, le=60_000)
    """Between two bytes of a drip."""


class Answers(_Part):
    """Right answers out of a file that only the stand-in sees."""

    file: Path
    """CSV with a head line; relative to the script."""
    key: str
    """Column that names the thing judged."""
    field: str | None = None
    """What the event calls that column; the same when absent."""
    value: str
    """Column that holds the answer."""
    map: Annotated[dict[str, str], BeforeValidator(_text_keys)] = {}
    """From values to verdicts; a value without an entry is the verdict."""


class Script(_Part):
    """Everything that can be told to a stand-in."""

    seed: int = 0
    latency: Latency = Latency()
    faults: list[Fault] = Field(default=[], max_length=FAULTS_MAX)
    """The first that meets a request is its fate."""
    obey: bool = False
    """Do what the data says: answer as it tells, give away the prompt when it asks."""
    refuses: list[Refusable] = []
    """Parameters that this model does not take."""
    answers: Answers | None = None


def load_script(path: Path) -> Script:
    """Return the script at `path`, its file of answers found beside it.

    Raises:
        FatalError: what is wrong, where, and what to do.
    """
    try:
        with path.open("rb") as stream:
            raw = stream.read(SCRIPT_BYTES_MAX + 1)
    except OSError as error:
        raise FatalError(f"{path}: {error.strerror}: name a file that can be read") from error
    script = parse_script(raw, str(path))
    if script.answers is None:
        return script
    found = script.answers.model_copy(update={"file": path.parent / script.answers.file})
    return script.model_copy(update={"answers": found})


def parse_script(raw: bytes, name: str) -> Script:
    """Return the script in `raw`: YAML, and so JSON.

    Raises:
        FatalError: as `load_script`.
    """
    document = _parse_yaml(raw, name)
    try:
        return Script.model_validate(document)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, detail['loc'])) or 'script'}: {detail['msg']}"
            for detail in error.errors(include_url=False, include_input=False)
        ]
        raise FatalError(f"{name}: {'; '.join(problems)} (docs/fake-llm.md)") from error


def _parse_yaml(raw: bytes, name: str) -> Any:
    if len(raw) > SCRIPT_BYTES_MAX:
        raise FatalError(f"{name}: larger than {SCRIPT_BYTES_MAX:,} bytes: shorten it")
    try:
        return YAML(typ="safe", pure=True).load(io.StringIO(raw.decode())) or {}
    except UnicodeDecodeError as error:
        raise FatalError(f"{name}: not UTF-8 at byte {error.start}: save it as UTF-8") from error
    except MarkedYAMLError as error:
        where = f" line {error.problem_mark.line + 1}" if error.problem_mark else ""
        what = str(error.problem).splitlines()[0]
        raise FatalError(f"{name}{where}: {what}: correct the YAML") from error
    except (YAMLError, ValueError, RecursionError) as error:
        raise FatalError(f"{name}: not YAML: correct it") from error
