"""Reading what the command line names: rules, JSON, times and zones; showing what is wrong."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar
from unicodedata import normalize

from dsl import Diagnostic, SourceFile
from dsl.zones import find_zone
from engine.stored import instant
from models.errors import Invalid

T = TypeVar("T")

RULES = ".rules"


def read_sources(paths: Sequence[Path]) -> list[SourceFile]:
    """Read files of rules, and those in folders. Raises Invalid for one that is not text."""
    return [SourceFile(str(path), _read(path)) for path in files_of(paths)]


def files_of(paths: Iterable[Path]) -> list[Path]:
    """Return files of rules, each once, with those in folders in place of these.

    Raises Invalid for a folder without any.
    """
    found = (some_rules_in(path).values() if path.is_dir() else [path] for path in paths)
    return list(dict.fromkeys(chain.from_iterable(found)))


def some_rules_in(folder: Path) -> dict[str, Path]:
    """Return the files of rules in a folder, by key. Raises Invalid if there are none."""
    found = rules_in(folder)
    if not found:
        raise Invalid(f"{folder}: there are no files of rules (*{RULES}) in this folder")
    return found


def rules_in(folder: Path) -> dict[str, Path]:
    """Return the files of rules in a folder, at any depth, by key. What is hidden is left out."""
    found = {}
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.endswith(RULES) and not name.startswith("."):
                path = Path(parent, name)
                key = path.relative_to(folder).as_posix().removesuffix(RULES)
                # Some systems take names apart into letters and accents.
                found[normalize("NFC", key)] = path
    return found


def read_json(path: Path) -> Any:
    """Read JSON, numbers exactly as written. Raises Invalid, saying where it breaks off."""
    text = _read(path)
    try:
        # NaN and Infinity, which JSON does not have, are left to whoever reads that field.
        return json.loads(text, parse_float=Decimal, parse_constant=str)
    except json.JSONDecodeError as error:
        place = f"{path}:{error.lineno}:{error.colno}"
        raise Invalid(f"{place}: this is not JSON: {error.msg}") from None
    except (ValueError, RecursionError):
        raise Invalid(f"{path}: this is no JSON that can be read") from None


def read_document(path: Path, read: Callable[[Any], T]) -> T:
    """Read JSON as something, naming the file in whatever is wrong with it."""
    document = read_json(path)
    try:
        return read(document)
    except Invalid as error:
        raise Invalid(f"{path}: {error.message}", field=error.field) from None


def print_json(document: Any) -> None:
    """Print JSON in the script it is written in, escaped where the terminal cannot show it."""
    text = json.dumps(document, ensure_ascii=False, indent=2)
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        text = json.dumps(document, indent=2)
    print(text)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(f"{path} is not UTF-8 text (byte {error.start})") from None


def known_zone(zone: str) -> bool:
    """Whether there is a time zone of this name."""
    return find_zone(zone) is not None


def moment_of(at: str | None, zone: str) -> datetime:
    """Return the instant that the command line names, by default now. Raises ValueError."""
    return datetime.now(UTC) if at is None else instant(at, zone)


def show(diagnostics: Iterable[Diagnostic], sources: Sequence[SourceFile]) -> None:
    """Print diagnostics with the lines they are about, for people, to standard error."""
    texts = {source.name: source.text for source in sources}
    for diagnostic in diagnostics:
        print(diagnostic.render(texts.get(diagnostic.span.file, "")), file=sys.stderr)
