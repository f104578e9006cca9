"""`fanfare check`: what is wrong with files of rules."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.commands.sources import print_json, read_sources, show
from dsl import Diagnostic, Program, Settings, Severity
from services.rules import check_rules


def check(paths: Sequence[Path], *, zone: str, as_json: bool, templates: Path | None) -> int:
    """Check files as one program, print what was found and return the exit code.

    With a folder of templates, what is sent must be there and be given what it uses.
    """
    sources = read_sources(paths)
    checked = check_rules(sources, Settings(zone=zone), now=datetime.now(UTC))
    found = checked.diagnostics
    if templates is not None and checked.program is not None:
        found = (*found, *_of_templates(checked.program, templates))
    if as_json:
        print_json([_record(each) for each in found])
    else:
        show(found, sources)
        print(_summary(found, len(sources)))
    return int(any(each.severity is Severity.ERROR for each in found))


def _of_templates(program: Program, folder: Path) -> Iterator[Diagnostic]:
    # Only here: checking rules alone should not have to wait for them.
    from app.commands.folder import templates_in
    from models.errors import Invalid
    from services.templates import check as check_template
    from services.templates import problems

    there = {(each.channel, each.name): each for each in templates_in(folder)}
    wrong = []
    for template in there.values():
        try:
            check_template(template)
        except Invalid as error:
            wrong.append(f"template {template.name} ({template.channel}): {error.message}")
    if wrong:
        raise Invalid("\n".join(wrong))
    yield from problems(program, there)


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
