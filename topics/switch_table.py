"""The table of switches: what can be flipped live, to what, and how the strictest setting wins."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any, Final

from schemas.errors import MessageError

NETWORKS_MAX: Final = 1_000
"""Most networks in one deny list."""

_WORDS: Final = {"true": True, "on": True, "false": False, "off": False}


@dataclass(frozen=True, slots=True)
class SwitchSpec:
    """One switch. Several places may set it; the most restrictive of them wins."""

    name: str
    choices: tuple[Any, ...]
    """From the most permissive to the most restrictive; empty: a list of networks, united."""
    summary: str
    default: Any
    """In force when no place sets it."""
    setting: str | None = None
    """The setting by which environment and file set it too; None: control alone does."""

    def parse(self, value: Any) -> Any:
        """Return the value of a control record or a setting as this switch understands it.

        Raises:
            MessageError: `invalid_switch`: says what is allowed.
        """
        if not self.choices:
            return self._parse_networks(value)
        if value in self.choices and type(value) is type(self.choices[0]):
            return value
        raise self._refuse(f"is not one of {self.allowed()}")

    def parse_text(self, text: str) -> Any:
        """Return the value that an operator typed.

        Raises:
            MessageError: `invalid_switch`: says what is allowed.
        """
        if not self.choices:
            return self.parse([part.strip() for part in text.split(",") if part.strip()])
        word = text.strip().lower()
        return self.parse(_WORDS.get(word, word) if isinstance(self.choices[0], bool) else word)

    def strictest(self, values: Sequence[Any]) -> Any:
        """Return what holds when several places say `values`; the default when none does."""
        if not values:
            return self.default
        if self.choices:
            return max(values, key=self.choices.index)
        return tuple(sorted({network for value in values for network in value}))

    def is_on(self, value: Any) -> bool:
        """Return whether `value` counts as on in `runtime_flag`: permissive, or not empty."""
        return bool(value == self.choices[0] if self.choices else value)

    def allowed(self) -> str:
        """Return the allowed values in words."""
        if not self.choices:
            return "networks like 10.0.0.0/8, separated by commas"
        return ", ".join(show(choice) for choice in self.choices)

    def _parse_networks(self, value: Any) -> tuple[str, ...]:
        if not isinstance(value, list | tuple) or len(value) > NETWORKS_MAX:
            raise self._refuse(f"is not a list of at most {NETWORKS_MAX} networks")
        return tuple(sorted({self._parse_network(text) for text in value}))

    def _parse_network(self, text: Any) -> str:
        if not isinstance(text, str):
            raise self._refuse("holds something that is no text: write networks like 10.0.0.0/8")
        try:
            return str(ip_network(text))
        except ValueError as error:
            raise self._refuse(f"{text[:50]!r} is no network: write it like 10.0.0.0/8") from error

    def _refuse(self, problem: str) -> MessageError:
        return MessageError("invalid_switch", f"{self.name}: value {problem}")


SWITCHES: Final = {
    spec.name: spec
    for spec in (
        SwitchSpec(
            "llm.enabled",
            (True, False),
            "Whether what the rules cannot decide goes to the LLM.",
            default=True,
            setting="enable_llm_engine",
        ),
        SwitchSpec(
            "ingest.mode",
            ("open", "closed"),
            "Closed: the gateway refuses every request; the stream goes on.",
            default="open",
        ),
        SwitchSpec(
            "ingest.deny_cidrs",
            (),
            "Networks from which the gateway takes nothing; the lists of all places are united.",
            default=(),
        ),
        SwitchSpec(
            "actions.mode",
            ("live", "dry-run"),
            "Dry-run: actions are planned and recorded, not performed.",
            default="live",
        ),
        SwitchSpec(
            "redis.enabled",
            (True, False),
            "Off: nobody talks to Redis; the page polls PostgreSQL.",
            default=True,
            setting="redis_enabled",
        ),
    )
}


def find_switch(name: str) -> SwitchSpec:
    """Return the switch `name`.

    Raises:
        MessageError: `unknown_switch`; says which one may have been meant.
    """
    spec = SWITCHES.get(name)
    if spec is not None:
        return spec
    close = difflib.get_close_matches(name, SWITCHES, n=1)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(SWITCHES)}"
    raise MessageError("unknown_switch", f"no switch is called {name!r}: {hint}")


def show(value: Any) -> str:
    """Return `value` as an operator types it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str) else ",".join(value) or "none"
