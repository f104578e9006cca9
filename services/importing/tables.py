"""Tables read as their bytes arrive: CSV (RFC 4180) and lines of JSON, in UTF-8.

What is wrong with a file as a whole is refused with its line: nothing of it can be trusted then.
"""

import csv
from codecs import getincrementaldecoder
from collections.abc import Iterator, Sequence
from typing import Protocol

from models.errors import Invalid
from models.imports import Row

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t"}
LONGEST_ROW = 1024 * 1024
MOST_COLUMNS = 500


class Table(Protocol):
    """Gives rows as soon as their last byte is there. `head` is known with the first row."""

    head: tuple[str, ...]

    def feed(self, data: bytes) -> Iterator[Row]:
        """Yield the rows that end in these bytes. Raises Invalid."""

    def close(self) -> Iterator[Row]:
        """Yield the last row if nothing ends it. Raises Invalid."""


class _Lines:
    """Bytes as lines of text, each with its end; counts them, to say where something is wrong."""

    def __init__(self) -> None:
        self._decoder = getincrementaldecoder("utf-8-sig")()
        self._rest: list[str] = []
        self._waiting = 0
        self._newlines = 0

    def feed(self, data: bytes, *, last: bool = False) -> list[str]:
        try:
            text = self._decoder.decode(data, last)
        except UnicodeDecodeError as error:
            line = self._newlines + error.object[: error.start].count(b"\n") + 1
            byte = error.object[error.start]
            raise Invalid(
                f"Line {line} is not UTF-8: there is a byte 0x{byte:02X}. Save the file as UTF-8 "
                "(“CSV UTF-8” in a spreadsheet) and send it again.",
                code="ENCODING",
            ) from None
        self._newlines += data.count(b"\n")
        if "\0" in text:
            raise Invalid(
                f"There is a NUL about line {self._newlines}: this is not UTF-8 text. Save the "
                "file as UTF-8 and send it again.",
                code="ENCODING",
            )
        self._rest.append(text)
        self._waiting += len(text)
        if "\n" not in text and not last:
            if self._waiting > LONGEST_ROW:
                raise Invalid(
                    f"Line {self._newlines + 1} is longer than {LONGEST_ROW:,} characters. Lines "
                    "end with LF, or with CR and LF.",
                    code="TOO_LONG",
                )
            return []
        *lines, rest = "".join(self._rest).split("\n")
        self._rest, self._waiting = [rest], len(rest)
        return [line + "\n" for line in lines] + ([rest] if last and rest else [])


class Csv:
    """CSV with a head. Without a `delimiter` it is the one of `,`, `;` and tab that the head has.

    A quoted cell may go on over lines: what is unfinished waits for the next bytes.
    """

    def __init__(self, delimiter: str | None = None) -> None:
        self.head: tuple[str, ...] = ()
        self._delimiter = delimiter
        self._lines = _Lines()
        self._unfinished: list[str] = []
        self._line = 0  # lines in rows that are over
        self._number = 0

    def feed(self, data: bytes) -> Iterator[Row]:
        """Yield the rows that end in these bytes."""
        return self._rows(self._lines.feed(data), last=False)

    def close(self) -> Iterator[Row]:
        """Yield the last row if nothing ends it."""
        yield from self._rows(self._lines.feed(b"", last=True), last=True)
        if not self.head:
            raise Invalid("The file is empty: its first row names the columns.", code="EMPTY")

    def _rows(self, lines: list[str], *, last: bool) -> Iterator[Row]:
        lines = self._unfinished + lines
        if not lines:
            return
        self._delimiter = self._delimiter or _found(lines[0])
        reader = csv.reader(lines, delimiter=self._delimiter, strict=True)
        taken = 0
        while True:
            try:
                cells = next(reader, None)
            except csv.Error as error:
                unfinished = "unexpected end" in str(error) and not last
                if not unfinished or sum(map(len, lines[taken:])) > LONGEST_ROW:
                    raise self._broken(str(error), taken) from None
                self._unfinished = lines[taken:]
                break
            if cells is None:
                self._unfinished = []
                break
            taken = reader.line_num
            self._number += 1
            if not self.head:
                self.head = _head(cells)
            elif any(cells):
                yield Row(self._number, tuple(cells))
        self._line += taken

    def _broken(self, reason: str, taken: int) -> Invalid:
        line = self._line + taken + 1
        return Invalid(f"The row that begins in line {line} {_reworded(reason)}", code="CSV")


def _found(head: str) -> str:
    """Return what stands between the columns: what the head has most of, outside quotes."""
    bare = "".join(head.split('"')[::2])
    return max((",", ";", "\t"), key=bare.count)


def _head(cells: Sequence[str]) -> tuple[str, ...]:
    head = tuple(cell.strip() for cell in cells)
    twice = next((name for name in head if name and head.count(name) > 1), None)
    if twice is not None:
        raise Invalid(f"Two columns are called {twice[:100]!r}; rename one.", code="COLUMNS")
    if len(head) > MOST_COLUMNS:
        raise Invalid(f"There are more than {MOST_COLUMNS} columns.", code="COLUMNS")
    return head


def _reworded(reason: str) -> str:
    if "unexpected end" in reason:
        return "has a quoted cell that never ends; a quote inside of one is written twice."
    if "expected after" in reason:
        return "has text after a closing quote; a quote inside of a cell is written twice."
    if "field limit" in reason:
        return "has a cell of more than 131,072 characters, or a quoted cell that never ends."
    return "has a carriage return in a cell without quotes; lines end with LF, or with CR and LF."


class JsonLines:
    """One JSON object to a line. They are read later: one that is wrong is a row that is wrong."""

    def __init__(self) -> None:
        self.head: tuple[str, ...] = ()
        self._lines = _Lines()
        self._number = 0

    def feed(self, data: bytes) -> Iterator[Row]:
        """Yield the lines that end in these bytes."""
        return self._rows(self._lines.feed(data))

    def close(self) -> Iterator[Row]:
        """Yield the last line if nothing ends it."""
        yield from self._rows(self._lines.feed(b"", last=True))
        if not self._number:
            raise Invalid("The file is empty.", code="EMPTY")

    def _rows(self, lines: list[str]) -> Iterator[Row]:
        for line in lines:
            self._number += 1
            if text := line.strip():
                yield Row(self._number, text)
