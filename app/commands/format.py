"""`fanfare fmt`: files of rules in their canonical layout."""

import difflib
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.commands.sources import files_of, show
from dsl import RuleError, SourceFile, format_source
from models.errors import Invalid

STDIN = "-"
UNCHANGED, WOULD_CHANGE, UNREADABLE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Text:
    """A file's text before and after; `after` is None where it cannot be formatted."""

    name: str
    before: str
    after: str | None

    @property
    def changes(self) -> bool:
        return self.after is not None and self.after != self.before


def format_files(paths: Sequence[Path], *, check: bool, diff: bool) -> int:
    """Format files and those in folders, or with `check` or `diff` only say what would change.

    Returns the exit code: 0, or 1 if something would change, or 2 if a file has syntax errors or
    cannot be read. The others are formatted all the same.
    """
    try:
        paths = files_of(paths)
    except Invalid as error:
        print(f"fanfare: {error.message}", file=sys.stderr)
        return UNREADABLE
    texts = [_formatted(path) for path in paths]
    for text, path in zip(texts, paths, strict=True):
        if text is None or text.after is None:
            continue
        if diff and text.changes:
            sys.stdout.writelines(_difference(text))
        if str(path) == STDIN and not (check or diff):
            sys.stdout.write(text.after)
        elif text.changes and str(path) != STDIN:
            if not (check or diff):
                _replace(path, text.after)
            said = "would reformat" if check or diff else "reformatted"
            print(f"{said} {path}", file=sys.stderr)
    if any(text is None or text.after is None for text in texts):
        return UNREADABLE
    changed = any(text is not None and text.changes for text in texts)
    return WOULD_CHANGE if changed and (check or diff) else UNCHANGED


def _formatted(path: Path) -> Text | None:
    """Read and format a file; what stands against it is told."""
    name = "stdin" if str(path) == STDIN else str(path)
    try:
        content = sys.stdin.buffer.read() if str(path) == STDIN else path.read_bytes()
        before = content.decode("utf-8")
    except UnicodeDecodeError as error:
        print(f"fanfare: {name} is not UTF-8 text (byte {error.start})", file=sys.stderr)
        return None
    except OSError as error:
        print(f"fanfare: {name}: {error.strerror}", file=sys.stderr)
        return None
    # Lines are counted, and end, as everywhere; a file of CRLF keeps them.
    windows = "\r\n" in before
    source = SourceFile(name, before.removeprefix("\ufeff").replace("\r\n", "\n"))
    try:
        after = format_source(source)
    except RuleError as error:
        show(error.diagnostics, [source])
        return Text(name, before, None)
    return Text(name, before, after.replace("\n", "\r\n") if windows else after)


def _difference(text: Text) -> list[str]:
    before, after = text.before.splitlines(True), (text.after or "").splitlines(True)
    lines = difflib.unified_diff(before, after, text.name, f"{text.name} (formatted)")
    return [
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    ]


def _replace(path: Path, text: str) -> None:
    """Write a file in one step, so that nobody ever sees, or is left with, half of it."""
    target = path.resolve()
    descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode("utf-8"))
        Path(temporary).chmod(target.stat().st_mode)
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
