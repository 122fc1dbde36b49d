"""Under which conditions figures were taken: machine, versions, commit; no names of machines."""

import os
import platform
import re
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, Final

import confluent_kafka
import psutil

NOISE_CORES_MAX: Final = 0.1
"""How much of a core others may use during a run before its figures are called noise."""
PACKAGES: Final = ("judgify", "faust-streaming", "aiokafka", "confluent-kafka", "orjson", "openai")
GIT_TIMEOUT_S: Final = 10.0


def describe_conditions(broker: psutil.Process | None) -> dict[str, Any]:
    """Return what a reader must know to compare figures with others."""
    return {
        "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "commit": fetch_commit(),
        "cpu": find_cpu_model(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "librdkafka": confluent_kafka.libversion()[0],
        "kafka": find_kafka_version(_class_path(broker)),
        "load_average": [round(load, 2) for load in os.getloadavg()],
    }


def describe_noise(others_cores: Sequence[float]) -> dict[str, Any]:
    """Return what else ran: cores used by others during each run, and whether that spoils them."""
    return {
        "others_cores": list(others_cores),
        "noisy": bool(others_cores) and median(others_cores) > NOISE_CORES_MAX,
    }


def find_cpu_model(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Return what the processor calls itself."""
    try:
        text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor() or platform.machine()
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1].strip() if found else platform.machine()


def find_kafka_version(class_path: str) -> str | None:
    """Return the broker's version as its jars tell it; None where they do not."""
    found = re.search(r"kafka-clients-([\d.]+\d)\.jar", class_path)
    return found[1] if found else None


def _class_path(broker: psutil.Process | None) -> str:
    if broker is None:
        return ""
    try:
        return " ".join([*broker.cmdline(), broker.environ().get("CLASSPATH", "")])
    except psutil.Error:
        return ""  # not ours to look at


def fetch_commit() -> str | None:
    """Return the commit of the checkout, `+changes` if the code differs; None without git."""
    commit = _run_git("rev-parse", "--short=12", "HEAD")
    changes = _run_git("status", "--porcelain", "--untracked-files=no", "--", "*.py")
    return f"{commit}+changes" if commit and changes else commit


def _run_git(*arguments: str) -> str | None:
    try:
        answer = subprocess.run(
            ["git", *arguments],
            capture_output=True,
            check=True,
            text=True,
            timeout=GIT_TIMEOUT_S,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip() or None
