"""What is wrong with the settings, in words: what, where, what to do; never a value of a secret."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError

from runtime.masking import mask
from runtime.setting_layers import Layer, Names

SHOWN_CHARS_MAX: Final = 40
SECRET_SETTINGS: Final = frozenset({"database_url", "openai_api_key", "redis_url"})


def describe_errors(
    error: ValidationError, origins: Mapping[str, Layer], names: Mapping[str, Names]
) -> list[str]:
    """Return one line per invalid setting: its name as the operator spelled it, and where."""
    return [
        _describe(str(detail["loc"][0]), detail["msg"], detail["input"], origins, names)
        for detail in error.errors(include_url=False, include_context=False)
    ]


def invalid_settings(error: ValidationError) -> set[str]:
    """Return the names of the settings that `error` is about."""
    return {str(detail["loc"][0]) for detail in error.errors(include_url=False)}


def summarise(problems: Sequence[str]) -> str:
    """Return all `problems` as one message: one line when there is one."""
    if len(problems) == 1:
        return f"settings: {problems[0]}"
    return "\n  - ".join((f"settings: {len(problems)} problems:", *problems))


def _describe(
    name: str,
    message: str,
    value: Any,
    origins: Mapping[str, Layer],
    names: Mapping[str, Names],
) -> str:
    layer = origins.get(name)
    spelled = layer.spelled.get(name, names[name].env[0]) if layer else names[name].env[0]
    where = f" in {layer.source}" if layer else ""
    told = message.removeprefix("Value error, ").removeprefix("Input ")
    if name in SECRET_SETTINGS:
        return f"{spelled}{where} {told}"
    shown = mask(repr(value))
    if len(shown) > SHOWN_CHARS_MAX:
        shown = f"{shown[:SHOWN_CHARS_MAX]}…"
    return f"{spelled}{where} is {shown}: it {told[:1].lower()}{told[1:]}"
