"""The settings reference and `.env.example` say what the settings object says."""

import re
from pathlib import Path

import pytest

from runtime.setting_model import Settings, setting_names
from runtime.settings import PARTS, load_settings
from runtime.settings_reference import (
    EXAMPLE,
    REFERENCE,
    REPOSITORY,
    render_example,
    render_reference,
    write_reference,
)

HOW = "run `python -m runtime.settings_reference` and commit what it writes"


@pytest.mark.parametrize(
    ("path", "rendered"),
    [(REFERENCE, render_reference()), (EXAMPLE, render_example())],
    ids=["reference", "example"],
)
def test_what_is_checked_in_is_what_the_settings_say(path: Path, rendered: str) -> None:
    assert (REPOSITORY / path).read_text(encoding="utf-8") == rendered, HOW


def test_writing_writes_both_files(tmp_path: Path) -> None:
    write_reference(tmp_path)

    assert (tmp_path / REFERENCE).read_text(encoding="utf-8") == render_reference()
    assert (tmp_path / EXAMPLE).read_text(encoding="utf-8") == render_example()


def test_every_setting_says_what_it_means() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name


def test_every_variable_is_in_the_example() -> None:
    listed = set(re.findall(r"^# ([A-Z_]+)=", render_example(), re.MULTILINE))

    expected = {names.env[0] for names in setting_names().values()}
    joined = {name for parts in PARTS.values() for names in parts.values() for name in names}
    assert listed == expected | joined


def test_the_example_is_the_default(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text(re.sub(r"^# ([A-Z_]+=)", r"\1", render_example(), flags=re.MULTILINE))

    settings = load_settings(environment={}, dotenv=dotenv)

    default = load_settings(environment={}, dotenv=tmp_path / "absent")
    assert settings.model_dump() == default.model_dump()
    assert settings.source("log_level") == "file .env"


def test_no_secret_has_a_place_in_a_file() -> None:
    for name in PARTS:
        assert setting_names()[name].file is None
