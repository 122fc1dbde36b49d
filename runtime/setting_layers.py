"""Reading settings where people leave them: environment, `.env`, and three YAML files.

Each place becomes a `Layer` of raw values by setting name; what is wrong with it is collected and
never raised, so that `load_settings` can list everything at once. Values stay out of every message.
"""

import difflib
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from dotenv import dotenv_values

FILES: Final = ("judgment.yaml", "dashboard.yaml", "integrations.yaml")
FILE_BYTES_MAX: Final = 65_536
OWN_PREFIX: Final = "JUDGIFY_"


@dataclass(frozen=True, slots=True)
class Names:
    """How a setting is spelled outside: in the environment, and in which file under which key."""

    env: tuple[str, ...]
    """The first is the one we print; all are honoured, and must agree."""
    file: str | None = None
    key: str | None = None
    restrictive: bool = False
    """A switch: `false` in any place wins over `true` in every other."""


@dataclass(slots=True)
class Layer:
    """Raw values of one place, by setting name."""

    source: str
    """As people see it: `environment`, `file .env`, `file judgment.yaml`."""
    values: dict[str, Any] = field(default_factory=dict)
    spelled: dict[str, str] = field(default_factory=dict)
    """The name under which each value was found."""
    problems: list[str] = field(default_factory=list)
    raw: Mapping[str, str] = field(default_factory=dict)
    """Everything in an environment, for addresses that are joined from parts."""


def read_overrides(given: Mapping[str, Any], names: Mapping[str, Names]) -> Layer:
    """Return the settings given by their own name, as a command's options are."""
    layer = Layer("command line")
    for name, value in given.items():
        if name not in names:
            layer.problems.append(f"{name!r}: no such setting{_suggest(name, names)}")
        elif value is not None:
            layer.values[name], layer.spelled[name] = value, name
    return layer


def read_environment(environment: Mapping[str, str], names: Mapping[str, Names]) -> Layer:
    """Return the settings found in `environment`; an empty value counts as absent."""
    return _read_names("environment", environment, names)


def read_dotenv(path: Path, names: Mapping[str, Names]) -> Layer:
    """Return the settings found in the `.env` file at `path`; `${…}` is left as it stands."""
    layer = Layer(f"file {path.name}")
    text = _read_text(path, layer)
    if text is None:
        return layer
    lines = dotenv_values(stream=io.StringIO(text), interpolate=False)
    found = {name: value for name, value in lines.items() if value is not None}
    layer = _read_names(layer.source, found, names)
    known = {spelling for name in names.values() for spelling in name.env}
    layer.problems += [
        f"{spelling} in {layer.source}: no such setting{_suggest(spelling, known)}"
        for spelling in lines
        if spelling.startswith(OWN_PREFIX) and spelling not in known
    ]
    return layer


def read_file(path: Path, names: Mapping[str, Names]) -> Layer:
    """Return the settings found in one of `FILES`; a key that no setting has is a problem."""
    layer = Layer(f"file {path.name}")
    text = _read_text(path, layer)
    if text is None:
        return layer
    document = _parse_yaml(text, layer)
    by_key = {
        outside.key or name: name for name, outside in names.items() if outside.file == path.name
    }
    for key, value in _flatten(document, by_key):
        if key not in by_key:
            layer.problems.append(
                f"{key!r} in {layer.source}: no such setting{_suggest(str(key), by_key)}"
            )
        elif value is not None:
            layer.values[by_key[key]] = value
            layer.spelled[by_key[key]] = str(key)
    return layer


def _flatten(document: Mapping[Any, Any], known: Iterable[str]) -> Iterator[tuple[Any, Any]]:
    """Yield the members; those of a section (`retention:`) as `retention.judgments_days`."""
    sections = {key.partition(".")[0] for key in known if "." in key}
    for key, value in document.items():
        if key in sections and isinstance(value, Mapping):
            yield from ((f"{key}.{name}", inner) for name, inner in value.items())
        else:
            yield key, value


def merge(
    layers: Iterable[Layer], names: Mapping[str, Names]
) -> tuple[dict[str, Any], dict[str, Layer]]:
    """Return each setting's value and the layer it comes from; earlier layers win.

    A restrictive switch that is off anywhere is off.
    """
    values: dict[str, Any] = {}
    origins: dict[str, Layer] = {}
    for layer in layers:
        for name, value in layer.values.items():
            overrules = names[name].restrictive and _is_off(value) and not _is_off(values.get(name))
            if name not in values or overrules:
                values[name], origins[name] = value, layer
    return values, origins


def _read_names(source: str, found: Mapping[str, str], names: Mapping[str, Names]) -> Layer:
    layer = Layer(source, raw=found)
    for name, outside in names.items():
        present = [spelling for spelling in outside.env if found.get(spelling)]
        if len({found[spelling] for spelling in present}) > 1:
            layer.problems.append(
                f"{' and '.join(present)} in {source} differ: keep one, or give both one value"
            )
        elif present:
            layer.values[name] = found[present[0]]
            layer.spelled[name] = present[0]
    return layer


def _read_text(path: Path, layer: Layer) -> str | None:
    """Return the text of `path`; None when there is none, or when it cannot be used."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(FILE_BYTES_MAX + 1)
        if len(raw) > FILE_BYTES_MAX:
            layer.problems.append(f"{path}: larger than {FILE_BYTES_MAX:,} bytes: shorten it")
            return None
        return raw.decode()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        layer.problems.append(f"{path}: {error.strerror}: make it readable, or remove it")
    except UnicodeDecodeError as error:
        layer.problems.append(f"{path}: not UTF-8 at byte {error.start}: save it as UTF-8")
    return None


def _parse_yaml(text: str, layer: Layer) -> dict[Any, Any]:
    """Return the mapping in `text`; {} with a problem noted when it holds none."""
    from ruamel.yaml import YAML  # noqa: PLC0415 -- a tenth of the start of every command
    from ruamel.yaml.error import MarkedYAMLError, YAMLError  # noqa: PLC0415 -- as above

    try:
        document = YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" line {mark.line + 1}" if mark else ""
        what = str(error.problem).splitlines()[0]
        layer.problems.append(f"{layer.source}{where}: {what}: correct the YAML")
        return {}
    except (YAMLError, ValueError, RecursionError):
        layer.problems.append(f"{layer.source}: not YAML: correct it")
        return {}
    if document is None:
        return {}
    if not isinstance(document, dict):
        layer.problems.append(f"{layer.source}: holds no mapping: write lines like `key: value`")
        return {}
    return document


def _is_off(value: Any) -> bool:
    return str(value).strip().lower() in {"false", "0", "no", "off", "f", "n"}


def _suggest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f": did you mean {close[0]}?" if close else ": remove it"
