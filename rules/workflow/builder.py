"""Builds the data of a workflow from its pieces, within limits, and notes where each stands."""

from dataclasses import dataclass
from typing import Any, Final

from rules.workflow.problems import Fault, Loc
from rules.workflow.scalars import Scalar, ScalarError, clean_text, is_cut, resolve_plain
from rules.workflow.source import Mark, Style, comment_after

DEPTH_MAX: Final = 32
"""Nested lists and mappings of a document."""
NODES_MAX: Final = 20_000
"""Values and keys of a document."""

_QUOTE_IT: Final = "put the whole value in quotes"


class BuildError(ValueError):
    """Reading cannot go on behind this; the message says why, `hint` what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Piece:
    """A scalar as the text has it."""

    text: str
    start: int
    end: int
    style: Style


@dataclass(slots=True)
class _Frame:
    """A list or mapping that is being read."""

    container: dict[str, Any] | list[Any]
    loc: Loc
    start: int
    in_flow: bool
    key: tuple[str, int, int] | None = None
    """The key whose value comes next, and where it stands."""
    dropping: bool = False
    """The value that comes next has no place in the data: its key was refused."""
    cut: bool = False
    """A value of this flow collection was cut: what follows in it is the rest of that value."""


class Builder:
    """Takes scalars and the begin and end of collections, in the order of the text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.root: Any = None
        self.marks: dict[Loc, Mark] = {}
        self.faults: list[tuple[int, int, Fault]] = []
        self.refused: set[Loc] = set()
        self.has_alias = False
        self._frames: list[_Frame] = []
        self._nodes = 0

    def open(self, container: dict[str, Any] | list[Any], start: int, *, in_flow: bool) -> None:
        """Begin a collection, as the value that comes next."""
        self._count()
        if len(self._frames) >= DEPTH_MAX:
            raise BuildError(f"nested deeper than {DEPTH_MAX} levels", "flatten it")
        if self._awaits_key():
            raise BuildError("a key must be text", "remove the ? or the brackets around the key")
        loc = self._put(container, Mark(self._key_span(), (start, start + 1), "collection"))
        self._frames.append(_Frame(container, loc, start, in_flow))

    def close(self, end: int) -> None:
        """End the innermost collection."""
        frame = self._frames.pop()
        mark = self.marks.get(frame.loc)
        if mark is not None:
            self.marks[frame.loc] = Mark(
                mark.key, (frame.start, max(end, frame.start + 1)), mark.style
            )

    def add_scalar(self, piece: Piece) -> None:
        """Add a key or a value, whichever is due."""
        self._count()
        if self._awaits_key():
            self._take_key(piece)
            return
        value = self._value_of(piece)
        self._put(value, Mark(self._key_span(), (piece.start, piece.end), piece.style))

    def add_alias(self, start: int, end: int) -> None:
        """Refuse an alias; nothing stands for its value."""
        self.has_alias = True
        self.refuse(start, end, "an alias", "write the value out, or put text in quotes")
        if self._awaits_key():
            self._frames[-1].key = ("*", start, end)
        else:
            self._put(None, Mark(self._key_span(), (start, end), "plain"))

    def refuse(self, start: int, end: int, message: str, hint: str) -> None:
        """Note a fault at this place of the text; the value that comes next means nothing."""
        self._refuse_at(self._loc(), (start, end), message, hint)

    def _refuse_at(self, loc: Loc, span: tuple[int, int], message: str, hint: str) -> None:
        self.faults.append((*span, Fault(loc, message, hint)))
        self.refused.add(loc)

    def _count(self) -> None:
        self._nodes += 1
        if self._nodes > NODES_MAX:
            raise BuildError(f"more than {NODES_MAX:,} values", "split it into workflows")

    def _awaits_key(self) -> bool:
        frame = self._frames[-1] if self._frames else None
        return frame is not None and isinstance(frame.container, dict) and frame.key is None

    def _key_span(self) -> tuple[int, int] | None:
        key = self._frames[-1].key if self._frames else None
        return None if key is None else key[1:]

    def _loc(self) -> Loc:
        """Return where the value that comes next belongs."""
        if not self._frames:
            return ()
        frame = self._frames[-1]
        if isinstance(frame.container, list):
            return (*frame.loc, len(frame.container))
        return frame.loc if frame.key is None else (*frame.loc, frame.key[0])

    def _take_key(self, piece: Piece) -> None:
        frame = self._frames[-1]
        refusal = None if frame.cut else self._key_refusal(piece, frame)
        if refusal:
            self._refuse_at((*frame.loc, piece.text), (piece.start, piece.end), *refusal)
        name = piece.text if refusal or frame.cut else clean_text(piece.text)
        frame.key = (name, piece.start, piece.end)
        frame.dropping = refusal is not None or frame.cut

    def _key_refusal(self, piece: Piece, frame: _Frame) -> tuple[str, str] | None:
        """Say why this key cannot stand here."""
        plain = piece.style == "plain"
        try:
            name = resolve_plain(piece.text) if plain else clean_text(piece.text)
        except ScalarError as error:
            return f"{error} in a key", error.hint
        if plain and name == "<<":
            return "a merge key", "write the members out"
        if not isinstance(name, str):
            return f"the key {piece.text} is no text", "put it in quotes"
        if name in frame.container:
            return f"the key `{name}` is here twice", "remove one of them"
        return None

    def _value_of(self, piece: Piece) -> Scalar:
        if self._frames and (self._frames[-1].dropping or self._frames[-1].cut):
            return None
        try:
            value = clean_text(piece.text) if piece.style != "plain" else resolve_plain(piece.text)
        except ScalarError as error:
            self.refuse(piece.start, piece.end, str(error), error.hint)
            return None
        if piece.style == "plain" and isinstance(value, str):
            self._refuse_cut(piece)
        return value

    def _refuse_cut(self, piece: Piece) -> None:
        """Refuse a value that YAML ended where its author did not."""
        if comment_after(self.text, piece.end):
            word = self.text[piece.end :].lstrip(" \t")[1:2]
            if is_cut(piece.text):
                self._refuse_comment(piece, _QUOTE_IT)
            elif not (word.isspace() or word in ("", "#")):
                self._refuse_comment(
                    piece, f"{_QUOTE_IT}; if a comment is meant, put a space behind the #"
                )
        elif self._frames and self._frames[-1].in_flow and is_cut(piece.text):
            rest = self.text[piece.end :].lstrip()[:1]
            message = f"YAML ends this value at `{rest}`, because it stands inside braces"
            self.refuse(piece.start, piece.end, message, f"{_QUOTE_IT}: '{piece.text}{rest} …'")
            self._frames[-1].cut = True
            self.refused.add(self._frames[-1].loc)

    def _refuse_comment(self, piece: Piece, hint: str) -> None:
        message = "YAML ends this value at ` #`, where a comment begins"
        self.refuse(piece.start, piece.end, message, hint)

    def _put(self, value: Any, mark: Mark) -> Loc:
        """Attach a value where it belongs, unless it has no place."""
        if not self._frames:
            self.root = value
            self.marks[()] = mark
            return ()
        frame, loc = self._frames[-1], self._loc()
        dropped = frame.dropping
        if isinstance(frame.container, list):
            frame.container.append(value)
        elif frame.key is not None and not dropped:
            frame.container[frame.key[0]] = value
        frame.key, frame.dropping = None, False
        if dropped:
            return (*loc, "\0")
        self.marks[loc] = mark
        return loc
