"""The LLM's part in a judgment, in lines for people."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from judgify.cli.terminal_text import printable_line
from runtime.setting_model import STAND_IN_MODEL

HASH_SHOWN: Final = 12


def describe_use(judgment: Mapping[str, Any]) -> Iterator[str]:
    """Yield who was asked, what it cost, what it replied, and how to see the prompt."""
    if judgment.get("escalation"):
        yield f"asked an LLM because {judgment['escalation']}"
    use = judgment.get("llm")
    if use is None:
        return
    stand_in = " (a stand-in, no model)" if use["model"] == STAND_IN_MODEL else ""
    prompt = f"prompt {use['prompt_version']}, {use['prompt_sha256'][:HASH_SHOWN]}"
    yield f"  {use['model']}{stand_in}, {prompt}"
    if use["cached"]:
        yield "  answered before: the same question, no call"
    else:
        tokens = f"{use['tokens_in']:,} tokens in, {use['tokens_out']:,} out"
        yield f"  {tokens}, {use['cost_usd']:.6f} US dollars, {use['latency_ms']:,.0f} ms"
    if use["reply"] is not None:
        yield f"  replied: {printable_line(use['reply'])}"
    yield f"  its prompt: judgify llm prompt {judgment['judgment_id']}"
