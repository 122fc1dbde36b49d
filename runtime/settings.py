"""Settings: loads the one frozen object from environment, `.env` and three YAML files.

Loaded once in `main()` and passed down. The first place that names a setting wins: overrides of the
command line, environment, `.env`, files, default; only a restrictive switch that is off in any of
them is off. Not pydantic-settings, because an operator must be able to ask where a value comes from
(`Settings.source`), and because everything that is wrong is said at once.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from runtime import addresses, setting_layers
from runtime.setting_checks import CROSS_CHECKS
from runtime.setting_layers import FILES, Layer, Names
from runtime.setting_model import PRODUCTION_DEFAULTS, Settings, setting_names
from runtime.setting_problems import describe_errors, invalid_settings, summarise
from schemas.errors import FatalError

__all__ = ["Settings", "load_settings"]

DOTENV: Final = Path(".env")
PARTS: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "database_url": {
        "host": ("DB_HOST",),
        "port": ("DB_PORT",),
        "name": ("DB_NAME",),
        "user": ("DB_USER",),
        "password": ("DB_PASSWORD", "POSTGRES_PASSWORD"),
    },
    "redis_url": {
        "host": ("REDIS_HOST",),
        "port": ("REDIS_PORT",),
        "password": ("REDIS_PASSWORD",),
    },
}
"""What an address is joined from when nobody gives it whole."""
JOIN: Final[dict[str, Callable[[Mapping[str, str]], str | None]]] = {
    "database_url": addresses.join_postgres,
    "redis_url": addresses.join_redis,
}


def load_settings(
    overrides: Mapping[str, Any] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    dotenv: Path = DOTENV,
) -> Settings:
    """Return the settings; `overrides` (by setting name) win over every other place.

    Raises:
        FatalError: something is wrong; the message lists everything, one problem per line.
    """
    environment = os.environ if environment is None else environment
    names = setting_names()
    layers = _read_layers(overrides or {}, environment, dotenv, names)
    values, origins = setting_layers.merge(layers, names)
    _add_joined(values, origins, layers)
    if values.get("env") == "production":
        values = PRODUCTION_DEFAULTS | values
    problems = [problem for layer in layers for problem in layer.problems]
    settings, invalid = _validate(values, origins, names)
    problems += invalid
    if problems:
        raise FatalError(summarise(problems))
    return settings


def _read_layers(
    overrides: Mapping[str, Any],
    environment: Mapping[str, str],
    dotenv: Path,
    names: Mapping[str, Names],
) -> list[Layer]:
    """Return every place that may name a setting, the strongest first."""
    layers = [
        setting_layers.read_overrides(overrides, names),
        setting_layers.read_environment(environment, names),
        setting_layers.read_dotenv(dotenv, names),
    ]
    found = (layer.values["config_dir"] for layer in layers if "config_dir" in layer.values)
    directory = Path(next(found, "."))
    return layers + [setting_layers.read_file(directory / file, names) for file in FILES]


def _add_joined(values: dict[str, Any], origins: dict[str, Layer], layers: list[Layer]) -> None:
    """Join addresses that nobody gives whole from their parts."""
    for name, parts in PARTS.items():
        if name in values:
            continue
        found: dict[str, str] = {}
        for layer in layers:
            present = {
                part: layer.raw[spelling]
                for part, spellings in parts.items()
                for spelling in reversed(spellings)
                if layer.raw.get(spelling)
            }
            if present and not found:
                origins[name] = Layer(layer.source, spelled={name: parts["host"][0]})
            found = present | found
        url = JOIN[name](found)
        if url is not None:
            values[name] = url


def _validate(
    values: Mapping[str, Any], origins: Mapping[str, Layer], names: Mapping[str, Names]
) -> tuple[Settings, list[str]]:
    """Return the settings and what is wrong; rules over several are tried on the valid ones."""
    try:
        settings, problems, invalid = Settings.model_validate(values), [], set[str]()
    except ValidationError as error:
        problems, invalid = describe_errors(error, origins, names), invalid_settings(error)
        sound = {name: value for name, value in values.items() if name not in invalid}
        settings = Settings.model_validate(sound)
    problems += [
        check.message
        for check in CROSS_CHECKS
        if not invalid.intersection(check.fields) and check.broken(settings)
    ]
    settings.remember_sources({name: layer.source for name, layer in origins.items()})
    return settings, problems
