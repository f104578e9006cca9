"""`fanfare check`: what is wrong with files of rules."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.commands.sources import print_json, read_sources, show
from dsl import Diagnostic, Settings, Severity
from services.rules import check_rules


def check(paths: Sequence[Path], *, zone: str, as_json: bool) -> int:
    """Check files as one program, print what was found and return the exit code."""
    sources = read_sources(paths)
    found = check_rules(sources, Settings(zone=zone), now=datetime.now(UTC)).diagnostics
    if as_json:
        print_json([_record(each) for each in found])
    else:
        show(found, sources)
        print(_summary(found, len(sources)))
    return int(any(each.severity is Severity.ERROR for each in found))


def _record(diagnostic: Diagnostic) -> dict[str, Any]:
    span = diagnostic.span
    return {
        "file": span.file,
        "severity": diagnostic.severity.value,
        "code": diagnostic.code,
        "message": diagnostic.message,
        "hint": diagnostic.hint,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }


def _summary(found: Sequence[Diagnostic], files: int) -> str:
    counts = Counter(each.severity for each in found)
    named = [_counted(counts[kind], kind.value) for kind in Severity if counts[kind]]
    return f"{', '.join(named) or 'no problems'} in {_counted(files, 'file')}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
