"""Build the wheel and use it as a stranger would: every package imports, all data files are there.

An editable install puts the whole checkout on the path and hides what the wheel lacks. The wheel is
installed into an empty environment that only borrows our dependencies.
"""

import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path
from typing import Final

PACKAGES: Final = ("judgify", "agents", "sinks", "stream", "topics", "rules", "runtime", "schemas")
DATA: Final = {
    "type markers": ("{package}/py.typed", PACKAGES),
    "SQL migrations": ("sinks/postgres/migrations/*.sql", ("",)),
    "the list of Kafka's jars": ("judgify/stack/**/*jars*.txt", ("",)),
    "SQL statements": ("sinks/postgres/sql/*.sql", ("",)),
    "the prices of models": ("agents/llm/prices.yaml", ("",)),
    "Redis scripts": ("agents/llm/limits/*.lua", ("",)),
    "workflows": ("judgify/examples/{package}/workflow.yaml", ("milling", "test")),
    "the readings of the demo": ("judgify/examples/milling/readings.py", ("",)),
    "JSON Schemas": ("schemas/json/*.json", ("",)),
    "the AsyncAPI document": ("schemas/asyncapi.json", ("",)),
}
"""What it is called, and the pattern that must match something, once per package."""

PROBE: Final = """
import importlib, importlib.metadata, sys
owners = importlib.metadata.packages_distributions()
for name in {packages!r}:
    module = importlib.import_module(name)
    assert module.__file__.startswith(sys.prefix), f"{{name}} comes from {{module.__file__}}"
    assert set(owners[name]) == {{"judgify"}}, f"{{name}} is claimed by {{owners[name]}}"
"""


def build_wheel(directory: Path) -> Path:
    """Return the wheel of this checkout, built without a network."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory)]
    subprocess.run(command, check=True, capture_output=True)
    return next(directory.glob("*.whl"))


def find_missing(wheel: Path) -> list[str]:
    """Return what the wheel must hold and does not, in words."""
    with zipfile.ZipFile(wheel) as archive, tempfile.TemporaryDirectory() as unpacked:
        archive.extractall(unpacked)
        return [
            f"{what} ({pattern.format(package=package)})"
            for what, (pattern, packages) in DATA.items()
            for package in packages
            if not any(Path(unpacked).glob(pattern.format(package=package)))
        ]


def install(wheel: Path, directory: Path) -> Path:
    """Return the Python of a new environment that holds the wheel and borrows our libraries."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(directory)], check=True)
    python = directory / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
    subprocess.run([*pip, "install", "-q", "--no-deps", "--no-index", str(wheel)], check=True)
    site = next(directory.glob("lib/python*/site-packages"))
    # A plain path line: our own .pth files, and with them the editable install, stay unread.
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def main() -> int:
    """Print what is wrong with the wheel; return 0 when nothing is."""
    with tempfile.TemporaryDirectory() as directory:
        wheel = build_wheel(Path(directory))
        missing = find_missing(wheel)
        for what in missing:
            print(f"wheel: {what} is missing")
        python = install(wheel, Path(directory, "venv"))
        probe = PROBE.format(packages=PACKAGES)
        subprocess.run([str(python), "-I", "-c", probe], check=True, cwd=directory)
        command = [str(python.with_name("judgify")), "--help"]
        subprocess.run(command, check=True, cwd=directory, stdout=subprocess.DEVNULL)
    if not missing:
        print("wheel: ok")
    return int(bool(missing))


if __name__ == "__main__":
    sys.exit(main())
