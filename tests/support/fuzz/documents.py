"""Draws random workflow documents: everything that a document can say about judging."""

from random import Random
from typing import Any

from tests.support.fuzz.texts import Texts, Words

Document = dict[str, Any]

NAMES = (
    "a", "b", "c", "rpm", "wear_min", "온도", "압력", "유형", "é",
    # What generated code, Python or the language might take for its own.
    "t0", "t1", "k0", "k9", "d0", "x1", "e", "u", "m", "get", "nan", "find", "careful", "found",
    "invalid", "type", "len", "abs", "min", "overflow", "self", "lambda", "None", "__class__",
)  # fmt: skip
MEMBERS = ("Air temperature [K]", "'", "k0", "a.b", "\n", "{}", "온도", " ")
"""Top-level members of events that are no names."""
PATHS = (["x", "y"], ["x", "z"], ["x", "w", "y"], ["깊이", "y"], ["p", "q", "r", "s"])
TYPES = ("number", "number", "number", "integer", "string", "string", "boolean", "list")
KEYS = ("L", "M", "H")
RANGES = ([-3, 5], [0, 0], [0.5, 2.5], [-1e308, 1e308], [2, 300])
MEMBERS_OF = {
    "number": ([1, 2, 3.5], [0], [-3, 0.1]),
    "integer": ([0, 1, 2], [-3, 5]),
    "string": (list(KEYS), ["L"], ["a", "가", ""]),
    "boolean": ([True], [True, False]),
}
VERDICTS = ("ok", "fail", "정지")
CONSTANTS: dict[str, Any] = {
    "limit": {"L": 1, "M": 2, "H": 3.5},
    "part": {"a": 1.5, "L": 300},
    "word_of": {"L": "ab", "M": "b", "H": ""},
    "flag_of": {"L": True, "M": False, "H": True},
    "bound": 2,
    "label": "L",
    "switch": True,
    "numbers": [1, 2, 3.5],
    "words": ["a", "L", "가"],
    "flags": [False],
    "nothing": [],
}
_SCALARS = ("number", "string", "boolean")
_CONFIDENCES = (0.5, 0.69, 0.7, 0.9, 1.0)


def draw_document(random: Random) -> Document:
    """Return a document; now and then one that is beyond a limit of the language."""
    fields = _draw_fields(random)
    constants = {name: CONSTANTS[name] for name in random.sample(list(CONSTANTS), 5)}
    document: Document = {
        "judgify": 1,
        "id": "fuzz",
        "verdicts": {verdict: {} for verdict in VERDICTS[: random.randint(1, 3)]},
        "input": fields,
        "constants": constants,
        "derive": {},
        "rules": [],
    }
    words = _words_of(fields, constants)
    for name in random.sample(["dn", "ds", "db", "dx", "파생"], random.randint(0, 4)):
        of = random.choice(_SCALARS)
        document["derive"][name] = Texts(random, words).value(of, random.randint(1, 2))
        words = _with_derived(words, name, of)
    verdicts = [*document["verdicts"], "undetermined"]
    texts = Texts(random, words)
    document["rules"] = [
        {
            "id": f"R{index}",
            "when": texts.condition(random.randint(1, 3)),
            "verdict": random.choice(verdicts),
            "confidence": random.choice(_CONFIDENCES),
            "reason": f"because {index}",
        }
        for index in range(random.randint(1, 5))
    ]
    if random.random() < 0.7:
        last = {"verdict": random.choice(verdicts), "confidence": random.choice(_CONFIDENCES)}
        document["otherwise"] = last
    if random.random() < 0.3:
        document["min_confidence"] = random.choice(_CONFIDENCES)
    return document


def _draw_fields(random: Random) -> dict[str, Any]:
    names = random.sample(NAMES, random.randint(4, 9))
    types = ["number", "string", "boolean", *random.choices(TYPES, k=len(names) - 3)]
    return {name: _draw_field(of, random) for name, of in zip(names, types, strict=True)}


def _draw_field(of: str, random: Random) -> dict[str, Any]:
    part: dict[str, Any] = {"type": of}
    place = random.random()
    if place < 0.15:
        part["from"] = random.choice(MEMBERS)
    elif place < 0.4:
        part["path"] = random.choice(PATHS)
    if of in ("number", "integer") and random.random() < 0.3:
        part["range"] = random.choice(RANGES)
    if of in MEMBERS_OF and random.random() < 0.3:
        part["one_of"] = random.choice(MEMBERS_OF[of])
    if random.random() < 0.1:
        part["required"] = True
    return part


def _words_of(fields: dict[str, Any], constants: dict[str, Any]) -> Words:
    values: dict[str, list[str]] = {of: [] for of in _SCALARS}
    for name, part in fields.items():
        if part["type"] != "list":
            values["number" if part["type"] == "integer" else part["type"]].append(name)
    strings = tuple(values["string"])
    lists = [name for name, part in fields.items() if part["type"] == "list"]
    named = {"number": [*lists], "string": [*lists], "boolean": []}
    for name, value in constants.items():
        if isinstance(value, dict):
            keys = [key for key in strings if set(fields[key].get("one_of", ())) <= set(value)]
            values[_type_of(next(iter(value.values())))] += [f"{name}[{key}]" for key in keys]
        elif isinstance(value, list):
            for of in [_type_of(value[0])] if value else _SCALARS:
                named[of].append(name)
        else:
            values[_type_of(value)].append(name)
    return Words(values, named, list(fields), lists)


def _with_derived(words: Words, name: str, of: str) -> Words:
    values = {**words.values, of: [*words.values[of], name, name]}
    return Words(values, words.lists, [*words.fields, name], words.list_fields)


def _type_of(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "string" if isinstance(value, str) else "number"
