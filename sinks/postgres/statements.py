"""The SQL of this package, one statement to a file of `sql/`, read once."""

from functools import cache
from pathlib import Path
from typing import Final

SQL_DIR: Final = Path(__file__).parent / "sql"


@cache
def load_statement(name: str) -> str:
    """Return the text of `sql/{name}.sql`."""
    return (SQL_DIR / f"{name}.sql").read_text("utf-8")
