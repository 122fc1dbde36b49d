"""The example of the demo: the workflow `milling`, and readings with known answers."""

import importlib.util
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from judgify.cli.workflow_source import read_document
from rules.workflow.reader import WorkflowDocument
from schemas.errors import FatalError

SEED: Final = 7
"""As `python examples/milling/readings.py` uses, so that both make the same readings."""
READINGS_FILE: Final = "readings.csv"


@dataclass(frozen=True, slots=True)
class Example:
    """A workflow, and readings with what it must make of them."""

    document: WorkflowDocument
    readings: Sequence[Any]
    """Each with `.row`, `.rule` and `.verdict`: see examples/milling/readings.py."""
    generator: ModuleType

    def known_rules(self) -> Counter[str]:
        """Return how many readings must end at which rule, or at `otherwise`."""
        return Counter(reading.rule for reading in self.readings)

    def known_outcomes(self) -> Counter[str]:
        """Return how many readings must get which verdict, or none."""
        return Counter(reading.verdict or "undetermined" for reading in self.readings)

    def find_failure(self) -> tuple[int, dict[str, Any]] | None:
        """Return place and row of a machine that fails by its heat: two plain reasons."""
        found = (
            (place, reading.row)
            for place, reading in enumerate(self.readings)
            if reading.rule == "HDF"
        )
        return next(found, None)

    def write_readings(self, data_dir: Path) -> Path:
        """Write the readings, without the answers, into `data_dir`; return the file.

        Raises:
            FatalError: it cannot be written.
        """
        path = data_dir / READINGS_FILE
        try:
            with path.open("w", encoding="utf-8", newline="") as stream:
                self.generator.write_csv(self.readings, stream)
        except OSError as error:
            raise FatalError(f"{path}: {error.strerror}") from error
        return path


def load_example(count: int) -> Example:
    """Return the example with `count` readings.

    Raises:
        WorkflowErrors: somebody edited the workflow, and it is not sound now.
        FatalError: the example is not there.
    """
    directory = find_example_dir()
    generator = _load_generator(directory / "readings.py")
    document = read_document(directory / "workflow.yaml")
    return Example(document, list(generator.generate_readings(count, SEED)), generator)


def find_example_dir() -> Path:
    """Return `examples/milling`: of the installed package, or of the checkout it runs in."""
    packaged = Path(str(files("judgify"))) / "examples" / "milling"
    return packaged if packaged.exists() else packaged.parents[2] / "examples" / "milling"


def _load_generator(path: Path) -> ModuleType:
    """Return the script as a module: it belongs to the example, not to a package of ours."""
    spec = importlib.util.spec_from_file_location("milling_readings", path)
    if spec is None or spec.loader is None or not path.exists():
        raise FatalError(f"no file {path}: the examples are not installed")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module
