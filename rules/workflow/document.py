"""The workflow document, as authors write it: every key, what it means, and its bounds.

The JSON Schema (`judgify workflow schema`) is generated from these models. What one key has to do
with another is checked in rules.workflow.meaning. None stands for a key that was left out; that
no key is empty is checked in rules.workflow.structure.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from schemas.model import Confidence, Slug
from schemas.request import Method

Name = Annotated[str, Field(pattern=r"^[^\s/\x00-\x1f\x7f]{1,64}$")]
Line = Annotated[str, Field(max_length=1_024)]
Text = Annotated[str, Field(max_length=16_384)]
Condition = Annotated[str, Field(min_length=1, max_length=4_096)]
Member = Annotated[str, Field(min_length=1, max_length=256)]

_SCALAR = {"type": ["string", "number", "boolean"]}
Scalar = Annotated[Any, WithJsonSchema(_SCALAR)]
Constant = Annotated[
    Any,
    WithJsonSchema(
        {
            "anyOf": [
                _SCALAR,
                {"type": "array", "items": _SCALAR},
                {"type": "object", "additionalProperties": _SCALAR},
            ]
        }
    ),
]


class Part(BaseModel):
    """A part of the document; unknown keys are refused."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        serialize_by_alias=True,
    )


class VerdictPart(Part):
    """One verdict that the workflow can reach."""

    severity: Literal["info", "warning", "error", "critical"] = "info"
    """How urgent it is, for the page and for actions."""
    title: Line | None = None
    """What people see instead of the name."""


class FieldPart(Part):
    """One input that the rules can read."""

    type: Literal["number", "integer", "string", "boolean", "list"]
    """What the value must be; anything else is unknown. A list holds strings or numbers."""
    source: Member | None = Field(default=None, alias="from")
    """The exact top-level member of the event that holds it; the field's own name by default."""
    path: Annotated[list[Member], Field(min_length=1, max_length=16)] | None = None
    """Where it lies in nested objects, outermost first, instead of `from`."""
    unit: Line | None = None
    """The unit of the value, shown to people."""
    one_of: Annotated[list[Scalar], Field(min_length=1, max_length=256)] | None = None
    """The only usable values; any other is unknown to the rules."""
    range: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None
    """Lowest and highest usable value, both included; outside it the value is unknown."""
    required: bool = False
    """When true, an event without a usable value is an error (invalid_input)."""


class RulePart(Part):
    """One rule: the first that is true decides; one that cannot tell leaves a verdict possible."""

    id: Name
    """Names the rule in judgments."""
    when: Condition
    """A condition in the rule language."""
    verdict: Name
    """A declared verdict, or `undetermined`: the rules cannot know."""
    confidence: Confidence = 1.0
    """How sure the verdict is, 0 to 1."""
    reason: Line = ""
    """Why, in words for people."""


class OtherwisePart(Part):
    """The verdict when no rule is true; without it, any verdict is possible then."""

    verdict: Name
    """A declared verdict, or `undetermined`."""
    confidence: Confidence = 1.0
    """How sure the verdict is, 0 to 1."""
    reason: Line = ""
    """Why, in words for people."""


class LlmPart(Part):
    """What an LLM may do with what the rules cannot decide."""

    may_decide: Annotated[list[Name], Field(min_length=1, max_length=32)] | None = None
    """The verdicts it may choose among; all by default."""
    instructions: Text = ""
    """What it should know about the events, in plain words."""
    min_confidence: Confidence | None = None
    """An answer less sure than this counts as none; the workflow's min_confidence by default."""
    requests_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """The most calls in a minute, of all copies together; unlimited by default."""
    tokens_per_minute: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None
    """The most tokens in a minute, of prompts and answers together; unlimited by default."""
    usd_per_day: Annotated[float, Field(gt=0, le=1_000_000)] | None = None
    """The most money in a day of UTC, US dollars; unlimited by default."""


class ActionPart(Part):
    """Something to do with a judgment; the channel's own settings stand beside `do`."""

    model_config = ConfigDict(extra="allow")

    id: Name
    """Names the action."""
    when: Condition | None = None
    """A condition over the judgment; always, by default."""
    do: Name
    """The channel, for example webhook."""


class ExpectPart(Part):
    """What a test wants of the judgment; what is not named may be anything."""

    verdict: Name | None = None
    """The verdict, or null for none."""
    rule: Name | None = None
    """The rule that held, or null for `otherwise`."""
    status: Literal["decided", "undetermined", "error"] | None = None
    """How it ends when no LLM answers."""
    confidence: Confidence | None = None
    """How sure the rules are."""
    unknown: Annotated[list[str], Field(max_length=256)] | None = None
    """The fields that the rules read and could not use, in any order."""
    possible: Annotated[list[Name], Field(max_length=32)] | None = None
    """The verdicts that are left when there are several, in any order; else empty."""


class TestPart(Part):
    """An event, as a producer sends it, and what must come of it."""

    __test__ = False  # pytest: this is no test class

    name: Line
    """What the test shows."""
    input: dict[str, Any]
    """The event, as a producer sends it."""
    expect: ExpectPart
    """The judgment that it must get."""


class Document(Part):
    """A workflow of Judgify: rules that judge events."""

    model_config = ConfigDict(title="Judgify workflow")

    judgify: Literal[1]
    """The format of this document."""
    id: Slug
    """Names the workflow in requests: a to z, 0 to 9, `_`, `.` and `-`, at most 64."""
    title: Line = ""
    """What people call it."""
    owner: Line | None = None
    """Who answers for it."""
    runbook: Line | None = None
    """Where it says what to do about its verdicts."""
    subject: str | None = None
    """The field that names the thing judged."""
    verdicts: Annotated[dict[Name, VerdictPart], Field(min_length=1, max_length=32)]
    """The whole vocabulary; `undetermined`, `error` and `expired` are reserved."""
    method: Method | None = None
    """Who decides: hybrid by default when there is an `llm` part, else rule."""
    methods: Annotated[list[Method], Field(min_length=1, max_length=3)] | None = None
    """What a request may ask for; the workflow's own and rule by default."""
    input: Annotated[dict[str, FieldPart], Field(max_length=256)] = {}
    """The fields that the rules can read."""
    constants: Annotated[dict[str, Constant], Field(max_length=256)] = {}
    """Named values; a map is looked up by a field: `limit[type]`."""
    derive: Annotated[dict[str, Condition], Field(max_length=128)] = {}
    """Named expressions that rules and other derived values may use."""
    rules: Annotated[list[RulePart], Field(max_length=500)]
    """The rules, in order: the first that is true decides."""
    otherwise: OtherwisePart | None = None
    """The verdict when no rule is true."""
    min_confidence: Confidence = 0.7
    """A verdict less sure than this is not final."""
    llm: LlmPart | None = None
    """What an LLM may do with what the rules cannot decide."""
    actions: Annotated[list[ActionPart], Field(max_length=64)] = []
    """What to do with the judgments."""
    tests: Annotated[list[TestPart], Field(max_length=1_000)] = []
    """Events with the judgments they must get; publishing runs them."""
