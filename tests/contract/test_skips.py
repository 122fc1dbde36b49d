"""No test is left out in silence: where `CI` is set, each kind of skip is a failure."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.support.skips import MAY_BE_MISSING

KINDS: Final = {
    "in_a_test": "def test_it():\n    pytest.skip('no disk')\n",
    "by_a_mark": "@pytest.mark.skip(reason='no disk')\ndef test_it(): ...\n",
    "by_a_condition": "@pytest.mark.skipif(True, reason='no disk')\ndef test_it(): ...\n",
    "in_a_fixture": (
        "@pytest.fixture\ndef disk():\n    pytest.skip('no disk')\n\ndef test_it(disk): ...\n"
    ),
    "in_a_cleanup": (
        "@pytest.fixture\ndef disk():\n    yield\n    pytest.skip('no disk')\n\n"
        "def test_it(disk): ...\n"
    ),
    "of_a_module": "pytest.skip('no disk', allow_module_level=True)\n\ndef test_it(): ...\n",
    "by_an_import": "pytest.importorskip('no_disk')\n\ndef test_it(): ...\n",
    "by_all_in_a_module": "pytestmark = pytest.mark.skip(reason='no disk')\ndef test_it(): ...\n",
    "of_no_parameters": "@pytest.mark.parametrize('n', [])\ndef test_it(n): ...\n",
    "by_unittest": (
        "import unittest\n\nclass TestIt(unittest.TestCase):\n"
        "    def test_it(self):\n        self.skipTest('no disk')\n"
    ),
}
PUBLIC_DATA: Final = f"def test_it():\n    pytest.skip('{MAY_BE_MISSING[0]}/x')\n"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("skips")
    for kind, text in (KINDS | {"of_public_data": PUBLIC_DATA}).items():
        (directory / f"test_{kind}.py").write_text(f"import pytest\n\n{text}")
    return directory


def run(directory: Path, ci: str) -> list[str]:
    """Return pytest's summary lines."""
    options = ("-q", "-rA", "--tb=no", "-p", "no:cacheprovider", "--continue-on-collection-errors")
    plugin = ("-p", "tests.support.skips", "--rootdir", str(directory))
    command = [sys.executable, "-m", "pytest", *options, *plugin]
    environment = {"CI": ci, "PATH": "", "PYTHONPATH": str(Path.cwd())}
    ended = subprocess.run(
        [*command, "-c", "/dev/null", str(directory)],
        capture_output=True, text=True, env=environment, timeout=50, check=False,
    )  # fmt: skip
    return ended.stdout.splitlines()


def test_each_kind_of_skip_fails_in_ci(directory: Path) -> None:
    lines = run(directory, ci="1")

    for kind in KINDS:
        told = [line for line in lines if f"test_{kind}.py" in line]
        assert any(line.startswith(("FAILED", "ERROR")) for line in told), (kind, lines)
    assert [line for line in lines if line.startswith("SKIPPED") and "public_data" in line]


def test_what_may_be_left_out_is_named_at_the_end(directory: Path) -> None:
    lines = run(directory, ci="1")

    (title,) = [number for number, line in enumerate(lines) if "NOT TESTED HERE" in line]
    assert "test_of_public_data.py" in lines[title + 1]
    assert MAY_BE_MISSING[0] in lines[title + 1]


def test_on_a_laptop_a_skip_is_a_skip(directory: Path) -> None:
    lines = run(directory, ci="")

    assert not [line for line in lines if line.startswith(("FAILED", "ERROR"))], lines
    assert len([line for line in lines if line.startswith("SKIPPED")]) == len(KINDS) + 1
