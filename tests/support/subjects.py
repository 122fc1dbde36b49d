"""What the doctor looks at in tests: nothing is set and nothing runs, unless a test says so."""

from pathlib import Path
from typing import Any

from judgify.doctor.finding import Finding, Look
from judgify.doctor.subject import Subject
from runtime.settings import load_settings


def make_subject(data_dir: Path, **fields: Any) -> Subject:
    """Return a subject; names of settings become settings."""
    known = Subject.__dataclass_fields__
    settings = {name: value for name, value in fields.items() if name not in known}
    defaults: dict[str, Any] = {
        "settings": load_settings(settings, environment={}, dotenv=data_dir / "no.env"),
        "settings_problem": None,
        "data_dir": data_dir,
        "state": None,
        "state_problem": None,
        "is_running": False,
        "uses_local_stack": "kafka_bootstrap_servers" not in settings,
    }
    return Subject(**defaults | {name: it for name, it in fields.items() if name in known})


def look_at(look: Look, subject: Subject) -> list[Finding]:
    return list(look(subject))


def told(findings: list[Finding]) -> str:
    """Return all findings as text: `fail: what. do`."""
    return "\n".join(f"{it.level}: {it.what}. {it.do}" for it in findings)
