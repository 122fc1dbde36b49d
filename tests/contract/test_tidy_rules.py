"""Each tidy rule is shown something that breaks it, and something close by that does not."""

from collections.abc import Callable, Iterable

import pytest

from tests.support.tidy import code_rules
from tests.support.tidy.agent_rules import check_agent_docstring
from tests.support.tidy.law_rules import check_tests_can_fail
from tests.support.tidy.source import Source
from tests.support.tidy.text_rules import (
    check_ends_with_newline,
    check_no_merge_marks,
    check_stands_alone,
)
from topics.registry import EVERY_AGENT, EVERY_PROCESS, TopicSpec

Rule = Callable[[Source], Iterable[str]]

TODO = "TO" + "DO"  # spelled apart: these rules read this file too
NOQA = "# no" + "qa"
IGNORE = "# type: " + "ignore"


def broken(rule: Rule, text: str, path: str = "sinks/push.py") -> list[str]:
    return list(rule(Source(path, text)))


@pytest.mark.parametrize(("path", "limit"), [("rules/x.py", 300), ("tests/unit/x.py", 400)])
def test_a_module_one_line_over_its_limit_is_named(path: str, limit: int) -> None:
    assert not broken(code_rules.check_module_size, "x = 1\n" * limit, path)
    assert broken(code_rules.check_module_size, "x = 1\n" * (limit + 1), path)


def test_a_function_of_51_lines_is_named_however_deep_it_sits() -> None:
    def nested(lines: int) -> str:
        return "class A:\n    async def f(self):\n" + "        x = 1\n" * (lines - 1)

    assert not broken(code_rules.check_function_size, nested(50))
    assert broken(code_rules.check_function_size, nested(51))


@pytest.mark.parametrize(
    "path", ["stream/utils.py", "rules/helpers/x.py", "sinks/_base.py", "topics/manager.py"]
)
def test_a_file_or_folder_that_could_hold_anything_is_named(path: str) -> None:
    assert broken(code_rules.check_file_name, "", path)


def test_a_file_named_for_its_idea_passes() -> None:
    assert not broken(code_rules.check_file_name, "", "rules/language/baseline.py")


@pytest.mark.parametrize("name", ["process", "handle", "_do", "handle_record", "perform_checks"])
def test_a_function_named_for_nothing_is_named(name: str) -> None:
    assert broken(code_rules.check_function_names, f"def {name}(): ...")


@pytest.mark.parametrize("name", ["process_name", "domain", "handled", "publish"])
def test_a_function_named_for_what_it_does_passes(name: str) -> None:
    assert not broken(code_rules.check_function_names, f"def {name}(): ...")


def test_a_method_that_a_library_named_passes_when_it_says_so() -> None:
    assert broken(code_rules.check_function_names, "def handle_async_request(): ...")
    assert not broken(code_rules.check_function_names, "@override\ndef handle_async_request(): ...")


def test_a_module_without_docstring_is_named_and_a_test_is_not() -> None:
    assert broken(code_rules.check_module_docstring, "x = 1")
    assert not broken(code_rules.check_module_docstring, "")
    assert not broken(code_rules.check_module_docstring, "x = 1", "tests/unit/test_x.py")


@pytest.mark.parametrize(
    "clause",
    [
        "except:",
        "except Exception:",
        "except BaseException as error:",
        "except (OSError, Exception):",
        "except builtins.Exception:",
        "except* Exception:",
    ],
)
def test_a_broad_except_is_named_outside_the_seam_alone(clause: str) -> None:
    # A handler that logs satisfies ruff's BLE001; here it does not help.
    text = f"try:\n    f()\n{clause}\n    log.exception('x_failed')\n"

    assert broken(code_rules.check_broad_except, text)
    assert not broken(code_rules.check_broad_except, text, "stream/shapes.py")


def test_a_narrow_except_and_one_that_raises_again_pass() -> None:
    narrow = "try:\n    f()\nexcept (OSError, TimeoutError):\n    pass\n"
    cleaning = "try:\n    f()\nexcept BaseException:\n    g()\n    raise\n"
    suppressed = "with contextlib.suppress({}):\n    f()\n"

    assert not broken(code_rules.check_broad_except, narrow)
    assert not broken(code_rules.check_broad_except, cleaning)
    assert not broken(code_rules.check_broad_except, suppressed.format("OSError"))
    assert broken(code_rules.check_broad_except, suppressed.format("Exception"))


def test_a_metric_declared_outside_the_list_is_named() -> None:
    text = "from prometheus_client import Counter as C\nLOST = C('lost_total', 'Lost.')\n"
    new_kind = "from prometheus_client import Histogram\nclass Bulk(Histogram): ...\n"
    counted = "from collections import Counter\ntally = Counter()\n"

    assert broken(code_rules.check_metrics_in_one_list, text)
    assert not broken(code_rules.check_metrics_in_one_list, new_kind)
    assert not broken(code_rules.check_metrics_in_one_list, counted)
    assert not broken(code_rules.check_metrics_in_one_list, text, "runtime/metrics.py")


@pytest.mark.parametrize("event", ["f'lost {n}'", "'Something happened'", "'failed'", "message"])
def test_a_log_line_that_is_prose_is_named(event: str) -> None:
    assert broken(code_rules.check_log_events, f"log.warning({event}, n=1)")
    assert not broken(code_rules.check_log_events, "log.warning('record_buried', n=1)")


@pytest.mark.parametrize(
    ("bare", "justified"),
    [
        (NOQA, f"{NOQA}: S603 -- the command is ours"),
        (f"{NOQA}: S603", f"{NOQA}: S603, S607 -- the command is ours"),
        (IGNORE, f"{IGNORE}[attr-defined]  # exported without __all__"),
        (f"{IGNORE}[misc]", f"{IGNORE}[misc]  # -- no stubs for it"),
        ("# nos" + "ec", "# nos" + "ec B602 -- the command is ours"),
        ("# prag" + "ma: no cover", "# prag" + "ma: no cover -- only on Windows"),
    ],
)
def test_an_exemption_without_code_or_reason_is_named(bare: str, justified: str) -> None:
    assert broken(code_rules.check_exemptions, f"x = 1  {bare}\n")
    assert not broken(code_rules.check_exemptions, f"x = 1  {justified}\n")


def test_a_note_to_self_must_be_traceable() -> None:
    assert broken(code_rules.check_todos, f"# {TODO}: later\n")
    assert broken(code_rules.check_todos, "# FIX" + "ME(#7): later\n")
    assert not broken(code_rules.check_todos, f"# {TODO}(#7): later\n")
    assert not broken(code_rules.check_todos, f"x = '{TODO} in a text'\n")


def test_a_test_that_cannot_fail_is_named() -> None:
    def found(body: str) -> list[str]:
        return broken(check_tests_can_fail, body, "tests/unit/test_x.py")

    assert found("def test_a():\n    f()\n")
    assert found("def test_a():\n    g()\ndef g():\n    f()\n")
    assert not found("def test_a():\n    assert f()\n")
    assert not found("def test_a():\n    g()\ndef g():\n    h()\ndef h():\n    assert f()\n")
    assert not found("async def test_a():\n    with pytest.raises(OSError):\n        f()\n")


TOPICS = (
    TopicSpec("in.v1", "", 1, 1, 1, ("producers",), ("rule-agent",)),
    TopicSpec("out.v1", "", 1, 1, 1, ("rule-agent", "llm-agent"), ("postgres-sink",)),
    TopicSpec("dead.v1", "", 1, 1, 1, EVERY_AGENT, ("postgres-sink",)),
    TopicSpec("switches.v1", "", 1, 1, None, ("CLI",), followers=EVERY_PROCESS),
)


@pytest.mark.parametrize(
    ("docstring", "holds"),
    [
        ("in.v1 → out.v1: judges.", True),
        ("Judges.", False),
        ("in.v1 → out.v1, dead.v1: judges.", False),
        ("out.v1 → in.v1: judges.", False),
    ],
)
def test_an_agent_that_says_another_flow_than_the_registry_is_named(
    docstring: str, *, holds: bool
) -> None:
    source = Source("agents/rule.py", f'"""{docstring}"""\nx = 1\n')

    assert (list(check_agent_docstring(source, TOPICS)) == []) is holds


def test_a_part_of_an_agent_may_say_what_it_owns_and_claims_no_topics() -> None:
    stranger = Source("agents/stranger.py", '"""in.v1 → out.v1: judges."""\n')
    part = Source("agents/judgments.py", '"""Encodes judgments: outcome → bytes."""\n')
    inner_part = Source("agents/llm/prompt.py", '"""Builds the prompt."""\n')

    assert list(check_agent_docstring(stranger, TOPICS))
    assert not list(check_agent_docstring(part, TOPICS))
    assert not list(check_agent_docstring(inner_part, TOPICS))


@pytest.mark.parametrize(
    "text",
    [
        "see /wo" + "rk/main/x.py",
        "cd '/home" + "/anna/judgify'",
        "/ro" + "ot/.cache",
        "--index https://py" + "pi.org/simple",
        "as the des" + "ign §4 says",
        "see sty" + "le-guide.md",
    ],
)
def test_a_text_that_only_makes_sense_where_it_was_written_is_named(text: str) -> None:
    assert list(check_stands_alone("docs/x.md", f"first line\n{text}\n"))


def test_a_text_that_stands_alone_passes() -> None:
    text = "src/work/x, ./root/y, /tmp/data, docs/architecture.md, the design of the seam\n"

    assert not list(check_stands_alone("docs/x.md", text))


def test_a_conflict_left_in_a_file_is_named() -> None:
    assert list(check_no_merge_marks("README.md", "<" * 7 + " HEAD\n"))
    assert not list(check_no_merge_marks("README.md", "=======\ntitle\n"))


def test_a_file_must_end_with_a_newline_or_be_empty() -> None:
    assert list(check_ends_with_newline("x.md", "text"))
    assert not list(check_ends_with_newline("x.md", "text\n"))
    assert not list(check_ends_with_newline("py.typed", ""))
