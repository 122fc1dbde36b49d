"""The tour of the README, typed as it stands into a shell of its own."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.stacks import bare_environment, make_data_dir
from tests.support.tour import find_missing, read_blocks, split_output, write_script

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
TIMEOUT_S = 240.0
MAKE_VARIABLES = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")


def read_tour() -> str:
    """Return the section of the README that is to be typed."""
    _, _, tour = README.read_text().partition("## Ten minutes with Judgify")
    return tour.partition("\n## ")[0]


def newcomers_environment(data_dir: Path) -> dict[str, str]:
    """Return what a newcomer has in the shell, but for the data directory and the ports."""
    environment = bare_environment(
        JUDGIFY_DATA_DIR=str(data_dir),
        JUDGIFY_RULE_AGENT_PORT="0",
        JUDGIFY_LLM_AGENT_PORT="0",
        JUDGIFY_POSTGRES_SINK_PORT="0",
    )
    return {name: value for name, value in environment.items() if name not in MAKE_VARIABLES}


@pytest.fixture
def typed(tmp_path: Path) -> Iterator[tuple[int, str]]:
    """Exit code and output of the whole tour; its stack is stopped whatever happened."""
    script = tmp_path / "tour.sh"
    script.write_text(write_script(read_blocks(read_tour())))
    with make_data_dir() as data_dir, (tmp_path / "output").open("w+") as output:
        shell = subprocess.Popen(
            ["bash", script],
            cwd=ROOT,
            env=newcomers_environment(data_dir) | {"TMPDIR": str(tmp_path)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            with suppress(subprocess.TimeoutExpired):  # the output says how far it came
                shell.wait(TIMEOUT_S)
        finally:
            if shell.poll() is None:
                os.killpg(shell.pid, signal.SIGTERM)
                shell.wait(TIMEOUT_S)
        output.seek(0)
        yield shell.returncode, output.read()


@pytest.mark.timeout(2 * TIMEOUT_S)
@pytest.mark.usefixtures("kafka_bootstrap")
def test_the_tour_works_as_it_is_written(typed: tuple[int, str]) -> None:
    blocks = read_blocks(read_tour())
    exit_code, output = typed
    printed = split_output(output)

    assert exit_code == 0, output
    assert len(printed) == len(blocks)
    missing = [
        f"{line!r} after:\n{block.script}"
        for block, part in zip(blocks, printed, strict=True)
        for line in find_missing(block, part)
    ]
    assert not missing, "\n".join([*missing, output])


def test_every_step_of_the_tour_shows_what_it_must_print() -> None:
    blocks = read_blocks(read_tour())

    assert len(blocks) >= 8
    assert all(block.expected for block in blocks[:-1])
