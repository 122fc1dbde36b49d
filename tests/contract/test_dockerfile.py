"""`infra/docker/Dockerfile`: what is built is what is locked, and it runs without any privilege."""

import json
import re
import tomllib
from typing import Final

from judgify.asyncapi.__main__ import CHECKOUT
from judgify.cli.main import COMMANDS

TEXT: Final = (CHECKOUT / "infra" / "docker" / "Dockerfile").read_text()
LINES: Final = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", TEXT, flags=re.MULTILINE)).splitlines()
BUILD, FINAL = (
    [line.strip() for line in stage]
    for stage in (
        LINES[: LINES.index("FROM ${PYTHON_IMAGE}")],
        LINES[LINES.index("FROM ${PYTHON_IMAGE}") :],
    )
)


def only(instruction: str, stage: list[str]) -> str:
    """Return the arguments of the one `instruction` of `stage`."""
    (found,) = [line for line in stage if line.startswith(f"{instruction} ")]
    return found.removeprefix(f"{instruction} ")


def allowed() -> set[str]:
    """Return what `.dockerignore` lets into the build."""
    lines = (CHECKOUT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    return {line.removeprefix("!") for line in lines if line.startswith("!")}


def test_everything_that_the_wheel_is_made_of_is_in_the_build() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    included = {path.split("/")[0] for path in wheel["force-include"]}
    named = {project["project"]["readme"], *project["project"]["license-files"]}

    assert allowed() >= {*wheel["packages"], *included, *named, "pyproject.toml"}


def test_everything_that_is_copied_is_there_and_allowed() -> None:
    copied = {
        source
        for line in BUILD
        if line.startswith("COPY ") and line != "COPY . /build/judgify"
        for source in line.split()[1:-1]
    }

    assert copied == {"requirements-uv.lock", "requirements-image.lock", "requirements.lock"}
    assert copied <= allowed()
    assert all((CHECKOUT / name).exists() for name in allowed())


def test_nothing_is_installed_without_a_hash_but_our_own_wheel() -> None:
    steps = [step for line in BUILD if line.startswith("RUN ") for step in line.split("&&")]
    installs = [step for step in steps if re.search(r"pip install|uv build", step)]

    assert len(installs) == 4
    for step in installs:
        assert "--require-hashes" in step or "--no-index" in step


def test_the_final_stage_runs_nothing_and_takes_the_environment_alone() -> None:
    assert not [line for line in FINAL if line.startswith(("RUN ", "ADD "))]
    assert only("COPY", FINAL) == "--from=build /opt/judgify /opt/judgify"


def test_the_base_is_one_that_has_wheels_for_everything_and_does_not_move_by_itself() -> None:
    (default,) = [line for line in LINES if line.startswith("ARG PYTHON_IMAGE=")]

    assert re.search(r"=python:3\.1[1-9]-slim-bookworm$", default)
    assert "FROM ${PYTHON_IMAGE} AS build" in BUILD


def test_it_runs_as_a_number_that_is_not_root() -> None:
    assert only("USER", FINAL) == "10001:10001"


def test_it_starts_our_command_directly_and_stops_at_sigterm() -> None:
    assert json.loads(only("ENTRYPOINT", FINAL)) == ["judgify"]
    assert only("STOPSIGNAL", FINAL) == "SIGTERM"


def test_its_health_check_is_a_command_of_ours() -> None:
    check = only("HEALTHCHECK", FINAL)
    command = json.loads(check[check.index("[") :])

    assert command[0] == "judgify"
    assert command[1] in COMMANDS
    assert "--interval=30s --timeout=10s --start-period=30s --retries=3" in check


def test_all_that_a_process_writes_goes_where_a_tmpfs_may_be() -> None:
    environment = only("ENV", FINAL)

    for name in ("HOME", "TMPDIR", "JUDGIFY_DATA_DIR"):
        assert re.search(rf"\b{name}=/tmp\b", environment), name
    assert "PYTHONDONTWRITEBYTECODE=1" in environment
    assert "UV_COMPILE_BYTECODE=1" in only("ENV", BUILD)
