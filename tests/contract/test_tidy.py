"""The style guide, held by every file of the checkout."""

from collections.abc import Callable, Iterable

import pytest

from tests.support.tidy.agent_rules import check_agent_docstring
from tests.support.tidy.code_rules import CODE_RULES
from tests.support.tidy.law_rules import check_tests_can_fail
from tests.support.tidy.source import Source, load_sources, load_texts
from tests.support.tidy.text_rules import TEXT_RULES

SOURCES = load_sources()
TEXTS = load_texts()


def report(broken: Iterable[str]) -> None:
    lines = list(broken)
    assert not lines, "\n" + "\n".join(lines)


@pytest.mark.no_cover
@pytest.mark.parametrize("rule", [*CODE_RULES, check_agent_docstring, check_tests_can_fail])
def test_every_python_file_keeps_the_rule(rule: Callable[[Source], Iterable[str]]) -> None:
    report(line for source in SOURCES for line in rule(source))


@pytest.mark.no_cover
@pytest.mark.parametrize("rule", TEXT_RULES)
def test_every_text_keeps_the_rule(rule: Callable[[str, str], Iterable[str]]) -> None:
    report(line for path, text in TEXTS for line in rule(path, text))


def test_the_rules_look_at_the_product_and_at_its_tests() -> None:
    seen = {source.path.split("/")[0] for source in SOURCES}

    assert seen >= {"judgify", "agents", "sinks", "stream", "topics", "rules", "runtime", "schemas"}
    assert "tests" in seen
