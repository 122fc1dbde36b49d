"""What the calls of one question came to, as its judgment records it."""

from dataclasses import dataclass

from agents.llm.outcome import Failure, Reply
from agents.llm.prices import usd_of_nano
from agents.llm.prompt import PROMPT_VERSION, Prompt
from schemas.judgment import LlmUse


@dataclass(slots=True)
class Bill:
    """The sum of a question's calls; the last one's prompt and reply."""

    model: str
    """As it is asked for; then as the last reply names it."""
    tokens_in: int = 0
    tokens_out: int = 0
    nano_usd: int = 0
    latency_ms: float = 0.0
    calls: int = 0
    prompt_sha256: str = ""
    reply: str | None = None

    def add(self, prompt: Prompt, outcome: Reply | Failure, nano_usd: int) -> None:
        """Add a call that went out."""
        self.calls += 1
        self.prompt_sha256 = prompt.sha256
        self.latency_ms += outcome.latency_ms
        self.nano_usd += nano_usd
        if outcome.usage is not None:
            self.tokens_in += outcome.usage.tokens_in
            self.tokens_out += outcome.usage.tokens_out
        if isinstance(outcome, Reply):
            self.model = outcome.model

    def use(self) -> LlmUse | None:
        """Return the LLM's part in the judgment; None: nothing was sent."""
        if not self.calls:
            return None
        return LlmUse(
            model=self.model,
            prompt_version=PROMPT_VERSION,
            prompt_sha256=self.prompt_sha256,
            tokens_in=self.tokens_in,
            tokens_out=self.tokens_out,
            cost_usd=usd_of_nano(self.nano_usd),
            latency_ms=round(self.latency_ms, 3),
            cached=False,
            reply=self.reply,
        )
