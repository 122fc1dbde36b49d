"""Drawing as SVG: shapes in a fixed set of colours that a light and a dark page both show well."""

from collections.abc import Sequence
from typing import Final
from xml.sax.saxutils import escape

STYLE: Final = """
text{font:12px system-ui,-apple-system,"Segoe UI",sans-serif;fill:#24292f}
.paper{fill:#fff;stroke:#d0d7de}.muted{fill:#57606a}.title{font-size:14px;font-weight:600}
.strong{font-weight:600}.grid{stroke:#d8dee4;stroke-width:1}.mark{stroke:#57606a;stroke-width:1.5}
.limit{stroke:#cf222e;stroke-width:1.5;stroke-dasharray:5 4}.limit-text{fill:#cf222e}
.ours{fill:#0969da}.peer{fill:#8c959f}.third{fill:#bf8700}
.ours-line{stroke:#0969da}.peer-line{stroke:#8c959f}.third-line{stroke:#bf8700}
.line{fill:none;stroke-width:2;stroke-linejoin:round}.range{stroke-width:6;stroke-linecap:round}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.paper{fill:#0d1117;stroke:#30363d}
.muted{fill:#9198a1}.grid{stroke:#30363d}.mark{stroke:#9198a1}.limit{stroke:#f85149}
.limit-text{fill:#f85149}.ours{fill:#4493f8}.peer{fill:#6e7681}.third{fill:#d29922}
.ours-line{stroke:#4493f8}.peer-line{stroke:#6e7681}.third-line{stroke:#d29922}}
""".replace("\n", "")


class Drawing:
    """A canvas; classes of shapes are those of `STYLE`."""

    def __init__(self, width: int, height: int, title: str, note: str) -> None:
        """Open a drawing with its title, and a note in small letters below it."""
        self.width = width
        self.height = height
        self._title = title
        self._shapes: list[str] = []
        self.bar(0.5, 0.5, width - 1, height - 1, "paper")
        self.text(20, 28, title, "title")
        self.text(20, 47, note, "muted")

    def text(self, x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> None:
        self._shapes.append(
            f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
            f"{escape(text)}</text>"
        )

    def bar(self, x: float, y: float, width: float, height: float, kind: str) -> None:
        self._shapes.append(
            f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" '
            f'height="{height:.1f}" rx="2"/>'
        )

    def dot(self, x: float, y: float, radius: float, kind: str) -> None:
        self._shapes.append(f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"/>')

    def line(self, points: Sequence[tuple[float, float]], kind: str) -> None:
        told = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self._shapes.append(f'<polyline class="{kind}" points="{told}"/>')

    def render(self) -> str:
        """Return the file."""
        size = f'width="{self.width}" height="{self.height}"'
        box = f'viewBox="0 0 {self.width} {self.height}"'
        shapes = "\n".join(self._shapes)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} {box} role="img">\n'
            f"<title>{escape(self._title)}</title>\n<style>{STYLE}</style>\n{shapes}\n</svg>\n"
        )
