"""Between offsets in code points and an editor's lines and columns."""

import re
from bisect import bisect_right

from lsprotocol.types import Position, PositionEncodingKind, Range

_LINE_END = re.compile(r"\r\n|\n|\r")


class Lines:
    """A text's lines. Columns count an editor's units: mostly UTF-16's, an emoji having two."""

    def __init__(self, text: str, encoding: str | None = None) -> None:
        self._text = text
        self._encoding = encoding
        self._starts = [0, *(match.end() for match in _LINE_END.finditer(text))]

    def position(self, offset: int) -> Position:
        """Return where an offset is."""
        offset = min(offset, len(self._text))
        line = bisect_right(self._starts, offset) - 1
        before = self._text[self._starts[line] : offset]
        return Position(line, len(before) if before.isascii() else sum(map(self._units, before)))

    def offset(self, position: Position) -> int:
        """Return the offset at a position: at most its line's end, never within a character."""
        if position.line >= len(self._starts):
            return len(self._text)
        start = offset = self._starts[position.line]
        end = _LINE_END.search(self._text, start)
        limit, column = end.start() if end else len(self._text), 0
        while offset < limit:
            column += self._units(self._text[offset])
            if column > position.character:
                break
            offset += 1
        return offset

    def range(self, start: int, end: int) -> Range:
        """Return the range between two offsets."""
        return Range(self.position(start), self.position(end))

    def _units(self, character: str) -> int:
        match self._encoding:
            case PositionEncodingKind.Utf8:
                return len(character.encode("utf-8", "surrogatepass"))
            case PositionEncodingKind.Utf32:
                return 1
            case _:
                return 2 if character > "\uffff" else 1
