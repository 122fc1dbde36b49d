"""The largest workflows: what is within the limits compiles soon, what is beyond is told soon.

Each is compiled in a process of its own, which may take so much memory and time and no more.
"""

import subprocess
import sys
from typing import Any, Final

import pytest

from rules.language.limits import TOTAL_NODES_MAX
from rules.workflow.canonical import DOCUMENT_BYTES_MAX
from rules.workflow.compiled import compile_workflow
from rules.workflow.problems import PROBLEMS_MAX, WorkflowErrors
from rules.workflow.reader import read_workflow
from tests.support.workflows import make_document, problems_of

MEMORY_BYTES_MAX: Final = 512 * 1024 * 1024
"""Of the whole process; 120 MiB were measured at worst."""
CPU_S_MAX: Final = 20
"""3 s were measured at worst, on a crowded machine."""
SCRIPT: Final = """
import resource
resource.setrlimit(resource.RLIMIT_AS, ({memory}, {memory}))
resource.setrlimit(resource.RLIMIT_CPU, ({cpu_s}, {cpu_s}))
from rules.workflow.compiled import compile_workflow
from rules.workflow.problems import WorkflowErrors
from tests.unit.rules.workflow.test_limits import DOCUMENTS
try:
    compile_workflow(DOCUMENTS[{name!r}]())
    print("compiled")
except WorkflowErrors as error:
    print("refused", error)
"""

FIELDS = {"x": {"type": "number"}, "y": {"type": "number"}, "n": {"type": "integer"}, "s": {"type": "string"}}  # fmt: skip
LONG = "abcdefghij" * 5


def with_rules(condition: str, count: int, **parts: Any) -> dict[str, Any]:
    rules = [{"id": f"R{index}", "when": condition, "verdict": "fail"} for index in range(count)]
    return make_document(**{"input": FIELDS, **parts, "rules": rules})


def chain_of_derived(link: str) -> dict[str, Any]:
    """Return a document in which each derived value mentions the one before it twice."""
    derive = {
        "d0": "n + n",
        **{f"d{index}": link.format(f"d{index - 1}") for index in range(1, 128)},
    }
    return with_rules("d127 == 1", 5, derive=derive)


DOCUMENTS: Final = {
    "500 rules": lambda: with_rules("x > 1", 500),
    "quotients": lambda: with_rules(f"{'/'.join(['x'] * 17)} > y", 500),
    "conditions of conditions": lambda: with_rules(" or ".join(["(x > 1) == (y > 2)"] * 5), 270),
    "look-ups in a large map": lambda: with_rules(
        " or ".join(["m[s] > 1"] * 7), 280, constants={"m": {f"k{key}": key for key in range(1_024)}}
    ),
    "a large list": lambda: with_rules(
        " or ".join(["x in m"] * 8), 100, constants={"m": list(range(256))}
    ),
    "derived from derived": lambda: chain_of_derived("{0} + {0}"),
    "derived maxima": lambda: chain_of_derived("max({0}, abs({0}))"),
    "too many parts": lambda: with_rules("+".join(["x"] * 150) + "> y", 500),
    "too many bytes": lambda: make_document(constants={"c": "x" * DOCUMENT_BYTES_MAX}),
    "unknown names": lambda: with_rules(
        " or ".join(f"{'jihgfedcba' * 4}{index} > 1" for index in range(9)),
        450,
        input={f"{LONG}{index}": {"type": "number"} for index in range(256)},
    ),
    "unknown mentions": lambda: make_document(
        input={f"{LONG}{index}": {"type": "number"} for index in range(256)},
        rules=[],
        tests=[
            {"name": "t", "input": {}, "expect": {"unknown": [f"jihgfedcba{index}" for index in range(250)]}}
        ]
        * 60,
    ),
    "unknown keys": lambda: make_document(
        input={f"f{name}": {"type": "number", **{f"rang{key}": 1 for key in range(60)}} for name in range(250)}
    ),
    "beyond every count": lambda: make_document(
        input={f"f{name}": {"type": "number"} for name in range(600)},
        constants={f"c{name}": 1 for name in range(600)},
        derive={f"d{name}": "x" for name in range(600)},
        verdicts={f"v{name}": {} for name in range(600)},
        rules=[{"id": f"R{rule}", "when": "x", "verdict": "v"} for rule in range(1_200)],
        tests=[{"name": "t", "input": {}, "expect": {}}] * 1_200,
    ),
}  # fmt: skip

pytestmark = pytest.mark.timeout(
    180
)  # the limit that counts is CPU_S_MAX: a machine may be crowded
WITHIN: Final = tuple(DOCUMENTS)[:7]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_document_compiles_or_is_refused_within_bounds(name: str) -> None:
    script = SCRIPT.format(memory=MEMORY_BYTES_MAX, cpu_s=CPU_S_MAX, name=name)

    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )

    assert ended.returncode == 0, ended.stderr[-2_000:]
    assert ended.stdout.startswith("compiled" if name in WITHIN else "refused")
    assert len(ended.stdout) < 2_000


def refusals(document: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(WorkflowErrors) as caught:
        compile_workflow(document)
    return {problem.path: problem.sentence for problem in caught.value.problems}


@pytest.mark.no_cover
def test_one_part_too_many_is_told_at_the_expression_that_has_it() -> None:
    """`x > 1` has 3 parts, a sum of 34 compared with a number has 37."""
    sums, rest = divmod(TOTAL_NODES_MAX, 37)
    assert rest == 10
    document = with_rules(f"{' + '.join(['x'] * 34)} > 1", sums)
    document["rules"] += [
        {"id": name, "when": when, "verdict": "fail"}
        for name, when in (("A", "x > 1"), ("B", "x > 1"), ("C", "x > -y"))
    ]
    compile_workflow(document)

    document["rules"][-1]["when"] = "x > y + 1"
    ((path, sentence),) = refusals(document).items()
    assert path == f"rules[{sums + 2}].when"
    assert "10,000 parts (split it into workflows)" in sentence


@pytest.mark.parametrize(
    ("part", "says"),
    [
        ({"input": {f"f{name}": {"type": "number"} for name in range(257)}}, "at most 256 items"),
        ({"constants": {f"c{name}": 1 for name in range(257)}}, "at most 256 items"),
        ({"derive": {f"d{name}": "1" for name in range(129)}}, "at most 128 items"),
        ({"verdicts": {f"v{name}": {} for name in range(33)}}, "at most 32 items"),
        ({"tests": [{"name": "t", "input": {}, "expect": {}}] * 1_001}, "at most 1000 items"),
    ],
)
def test_counts_are_bounded_and_the_bound_is_named(part: dict[str, Any], says: str) -> None:
    (path,) = part

    assert (
        says
        in refusals(
            make_document(rules=[], **part) if path != "verdicts" else make_document(**part)
        )[path]
    )


def test_rules_are_bounded() -> None:
    assert "at most 500 items" in refusals(with_rules("x > 1", 501))["rules"]


def test_no_more_problems_are_told_than_help() -> None:
    with pytest.raises(WorkflowErrors) as caught:
        compile_workflow(with_rules("z > 1", 500))

    assert len(caught.value.problems) == PROBLEMS_MAX


def test_a_document_that_is_larger_in_canonical_form_than_in_a_file_is_refused_with_its_file() -> (
    None
):
    """Each quote in a YAML text becomes two characters of JSON."""
    quotes = "'" + '"' * (DOCUMENT_BYTES_MAX * 2 // 3) + "'"
    text = f"judgify: 1\nid: w\nverdicts: {{ok: {{}}}}\nrules: []\nconstants:\n  c: {quotes}\n"

    (problem,) = problems_of(text)

    assert (
        problem.sentence
        == "w.yaml: larger than 262,144 bytes as canonical JSON (split it into workflows)"
    )
    assert read_workflow(text.replace(quotes, "'x'")).id == "w"
