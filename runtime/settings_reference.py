"""The settings reference and `.env.example`: made from the settings object and never by hand.

`python -m runtime.settings_reference` writes both anew; a test fails on any drift.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import runtime
from runtime.setting_model import PRODUCTION_DEFAULTS, Settings, setting_names
from runtime.settings import PARTS

REPOSITORY: Final = Path(runtime.__path__[0]).parent
REFERENCE: Final = Path("docs", "settings.md")
EXAMPLE: Final = Path(".env.example")

_HEAD: Final = """\
# Settings

Made from `runtime/setting_model.py` by `python -m runtime.settings_reference`; do not edit.

The first place that names a setting wins: options of the command, environment, `.env` in the
working directory, then `judgment.yaml`, `dashboard.yaml` and `integrations.yaml` in
`JUDGIFY_CONFIG_DIR`. A switch (marked *off wins*) that is off in any of these is off. An empty
variable counts as absent. A key that no setting has refuses to start, and so does a misspelt
`JUDGIFY_…` in `.env`; everything wrong is listed at once. Secrets are read from the environment and
`.env` alone. `judgify control` flips switches while everything runs.

| environment | file: key | values | default | meaning |
|---|---|---|---|---|
"""
_EXAMPLE_HEAD: Final = """\
# Copy to .env and keep what you change. Everything is optional on one machine: `judgify up` knows
# its own addresses. Made by `python -m runtime.settings_reference`; meanings: docs/settings.md.
"""


def render_reference() -> str:
    """Return the text of `docs/settings.md`."""
    properties = Settings.model_json_schema()["properties"]
    return _HEAD + "".join(_row(name, properties[name]) for name in properties)


def render_example() -> str:
    """Return the text of `.env.example`: every variable, commented out, with its default."""
    properties = Settings.model_json_schema()["properties"]
    blocks = ("\n".join(_example(name, properties[name])) for name in properties)
    return _EXAMPLE_HEAD + "\n" + "\n\n".join(blocks) + "\n"


def write_reference(directory: Path) -> None:
    """Write both files below `directory`."""
    (directory / REFERENCE).parent.mkdir(exist_ok=True)
    (directory / REFERENCE).write_text(render_reference(), encoding="utf-8")
    (directory / EXAMPLE).write_text(render_example(), encoding="utf-8")


def _row(name: str, field: dict[str, Any]) -> str:
    names = setting_names()[name]
    variables = "<br>".join(f"`{spelling}`" for spelling in names.env)
    key = f"{names.file}: `{names.key or name}`" if names.file else "-"
    values = _values(name, field) + (" (*off wins*)" if names.restrictive else "")
    return f"| {variables} | {key} | {values} | {_default(name, field)} | {_meaning(field)} |\n"


def _example(name: str, field: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of one setting; those that others are joined from come with it."""
    yield f"# {_meaning(field).replace('`', '')}"
    default = field.get("default")
    yield f"# {setting_names()[name].env[0]}={'' if default is None else _as_typed(default)}"
    for spellings in PARTS.get(name, {}).values():
        yield from (f"# {spelling}=" for spelling in spellings)


def _meaning(field: dict[str, Any]) -> str:
    return " ".join(field["description"].split())


def _default(name: str, field: dict[str, Any]) -> str:
    default = field.get("default")
    shown = "-" if default is None else f"`{_as_typed(default)}`"
    if name in PRODUCTION_DEFAULTS:
        shown += f", `{PRODUCTION_DEFAULTS[name]}` in production"
    return shown


def _as_typed(value: object) -> str:
    """Return `value` as an operator types it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _values(name: str, field: dict[str, Any]) -> str:
    """Return what a setting may be: its words, its bounds, or its kind."""
    kind = next(kind for kind in field.get("anyOf", [field]) if kind.get("type") != "null")
    if "enum" in kind:
        return ", ".join(f"`{word}`" for word in kind["enum"])
    if "exclusiveMinimum" in kind:
        return f"over {kind['exclusiveMinimum']:g} to {kind['maximum']:,.10g}"
    if "minimum" in kind:
        return f"{kind['minimum']:,} to {kind['maximum']:,}"
    if kind.get("format") == "password":
        return "secret" if name.endswith("_key") else "URL, secret"
    return {"boolean": "`true`, `false`", "string": "text"}[kind["type"]]


if __name__ == "__main__":
    write_reference(REPOSITORY)
