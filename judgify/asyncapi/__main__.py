"""`python -m judgify.asyncapi` (or `make schemas`) writes what is published about topics anew."""

from pathlib import Path
from typing import Final

import schemas
from judgify.asyncapi import document, topics_page

CHECKOUT: Final = Path(schemas.__path__[0]).parent


def write_all(checkout: Path, target: Path) -> None:
    """Write the AsyncAPI document and the page of topics of `checkout` below `target`."""
    texts = {
        document.FILE: document.render_document(checkout),
        topics_page.PAGE: topics_page.render_page(),
    }
    for path, text in texts.items():
        (target / path).parent.mkdir(exist_ok=True)
        (target / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_all(CHECKOUT, CHECKOUT)
