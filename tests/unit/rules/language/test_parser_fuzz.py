"""Whatever is written, the parser gives a tree or says what is wrong and where; nothing else."""

import unicodedata
from collections import Counter
from random import Random

import pytest

from rules.language.check import check_expression
from rules.language.lexer import split_tokens
from rules.language.limits import DEPTH_MAX, NODES_MAX, TEXT_CHARS_MAX
from rules.language.parser import parse_expression
from rules.language.problems import ExpressionError
from rules.language.syntax import Syntax
from tests.support.fuzz.campaign import chosen_cases, chosen_seed
from tests.support.fuzz.texts import Texts, Words
from tests.support.programs import field, scope

CASES = 12_000
WORDS = (
    "and", "or", "not", "in", "between", "is", "null", "true", "FALSE", "pi", "x", "s", "p", "tags",
    "온도", "é", "abs", "min", "round", "len", "present", "near", "contains", "limit", "0", "1", "9",
    "2.5", "1e308", "1e999", ".5", "1_000", "0x1f", "'L'", '"a"', "''", "'", '"', "\\", "(", ")", "[",
    "]", ",", "<", "<=", "==", "=", "!=", "!", "=>", "<>", "&&", "|", "+", "-", "*", "**", "/", "//",
    "%", ".", ";", "{", "}", "#", "\n", "\t", "\u00a0", "\u200b", "\u202e", "\ufeff", "\x00", "\ud800",
    "𝟘", "٣", "ﬁ", "≥", "“", "__class__", "lambda", "import os", "f''", "@",
)  # fmt: skip
SCOPE = scope(
    [field("x"), field("s", "string"), field("p", "boolean"), field("tags", "list"), field("온도")],
    {"limit": {"L": 1}},
)
NAMES = Words(
    values={"number": ["x", "온도", "limit[s]"], "string": ["s"], "boolean": ["p"]},
    lists={"number": ["tags"], "string": ["tags"]},
    fields=["x", "s", "tags"],
)


def draw_bytes(random: Random) -> str:
    return random.randbytes(random.randint(0, 60)).decode("utf-8", "surrogateescape")


def draw_words(random: Random) -> str:
    return random.choice(["", " "]).join(random.choices(WORDS, k=random.randint(1, 25)))


def draw_nearly_right(random: Random) -> str:
    """Return an expression with a few characters or words lost, doubled or put in."""
    text = Texts(random, NAMES).condition(random.randint(1, 4))
    for _ in range(random.randint(0, 3)):
        at = random.randint(0, len(text))
        cut = random.choice(["", text[at : at + random.randint(1, 9)] * 2, random.choice(WORDS)])
        text = text[:at] + cut + text[at + random.randint(0, 3) :]
    return text


def draw_too_much(random: Random) -> str:
    return random.choice(WORDS) * random.choice([33, 400, 2_000, TEXT_CHARS_MAX + 1])


DRAWS = {
    "bytes": draw_bytes,
    "words": draw_words,
    "nearly right": draw_nearly_right,
    "too much": draw_too_much,
}


def require_problems(error: ExpressionError, text: str) -> None:
    assert error.problems, text
    for problem in error.problems:
        assert 0 <= problem.start < problem.end, problem
        assert problem.start <= len(text), problem
        assert problem.message, problem
        assert len(problem.sentence) < 1_000, problem


def require_tree(tree: Syntax, outer: tuple[int, int]) -> int:
    """Return how many nodes there are; each lies within the one above it."""
    assert outer[0] <= tree.start < tree.end <= outer[1], tree
    return 1 + sum(require_tree(part, (tree.start, tree.end)) for part in tree.parts)


@pytest.mark.no_cover
@pytest.mark.parametrize("kind", DRAWS)
def test_every_text_gives_a_tree_or_a_problem_with_its_place(kind: str) -> None:
    seed = chosen_seed()
    print(f"RULES_FUZZ_SEED={seed}")
    random = Random(seed)
    became: Counter[str] = Counter()
    cases = chosen_cases(CASES) // (20 if kind == "too much" else len(DRAWS))
    for _ in range(cases):
        text = DRAWS[kind](random)
        try:
            tree = parse_expression(text)
        except ExpressionError as error:
            became["refused"] += 1
            require_problems(error, text)
            continue
        became["parsed"] += 1
        assert require_tree(tree, (0, len(text))) <= NODES_MAX, text
        try:
            became[check_expression(text, SCOPE).type] += 1
        except ExpressionError as error:
            require_problems(error, text)
    print(became)
    assert became["refused"] > cases // 10
    if kind == "nearly right":
        assert became["boolean"] > cases // 10


def test_spaces_between_words_mean_nothing() -> None:
    seed = chosen_seed()
    print(f"RULES_FUZZ_SEED={seed}")
    random = Random(seed)
    for _ in range(300):
        text = Texts(random, NAMES).condition(random.randint(1, 3))
        words = [text[token.start : token.end] for token in split_tokens(text)]
        spread = f" {random.choice([' ', '  ', chr(9), chr(10)]).join(words)} "
        assert outline(parse_expression(spread)) == outline(parse_expression(text)), text


def test_a_name_may_be_written_decomposed() -> None:
    composed = outline(parse_expression("온도 > 1 and é == 2"))

    decomposed = unicodedata.normalize("NFD", "온도 > 1 and é == 2")
    assert outline(parse_expression(decomposed)) == composed


def test_the_limits_of_depth_and_parts_are_exact() -> None:
    parse_expression("(" * (DEPTH_MAX - 1) + "x" + ")" * (DEPTH_MAX - 1))
    with pytest.raises(ExpressionError, match="nested deeper"):
        parse_expression("(" * DEPTH_MAX + "x" + ")" * DEPTH_MAX)
    parse_expression("+".join(["x"] * (NODES_MAX - 1)))
    with pytest.raises(ExpressionError, match="more than"):
        parse_expression("+".join(["x"] * NODES_MAX))


def outline(tree: Syntax) -> tuple[object, ...]:
    """Return the tree without its places."""
    return (tree.kind, tree.words, tree.value, *map(outline, tree.parts))
