"""`fanfare plan`: what publishing files of rules would change."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dsl
from app.commands.folder import Read, read, read_text
from app.commands.server import Document, Server
from app.commands.sources import print_json, rules_in, show

REFUSED = 1
SOMETHING_TO_DO = 3
_MOST_LINES = 20
_MARKS = {"ADDED": "+", "CHANGED": "~", "REMOVED": "-"}


def plan(
    paths: Sequence[Path], server: Server, *, prune: bool, as_json: bool, detailed: bool
) -> int:
    """Print what publishing would change of what is live; return the exit code."""
    found = read(paths, prune=prune)
    planned = server.plan(found.folder)
    number = planned["publication"]
    upon = f"Compared with publication {number}." if number else "Nothing is live yet."
    return _tell(planned, found, upon, as_json=as_json, detailed=detailed)


def plan_against(
    paths: Sequence[Path], against: Path | None, zone: str, *, as_json: bool, detailed: bool
) -> int:
    """Print what differs from the rules in another folder, or in none; return the exit code."""
    from app.commands.database import document
    from schema.release import RulesPlan
    from services.plans import compare

    found = read(paths)
    there = rules_in(against) if against else {}
    before = [dsl.SourceFile(key, read_text(path)) for key, path in there.items()]
    planned = compare(found.folder, before, dsl.Settings(zone=zone), now=datetime.now(UTC))
    upon = f"Compared with {against}." if against else "Compared with nothing: no server is named."
    return _tell(document(RulesPlan.of(planned)), found, upon, as_json=as_json, detailed=detailed)


def show_diagnostics(planned: Document, found: Read) -> None:
    """Print what is to be said of the rules, with the lines that it is about."""
    paths = {key: str(path) for key, path in found.paths.items()}
    sources = [dsl.SourceFile(paths[file.key], file.text) for file in found.folder.files]
    diagnostics = [_diagnostic(each, paths) for each in planned["diagnostics"]]
    show([each for each in diagnostics if each.span.file], sources)
    for each in diagnostics:
        if not each.span.file:
            hint = f" ({each.hint})" if each.hint else ""
            print(f"{each.severity.value} {each.code}: {each.message}{hint}", file=sys.stderr)


def told(planned: Document, paths: Mapping[str, Path]) -> Iterator[str]:
    """Word a plan, in lines."""
    yield from _files(planned, paths)
    if planned["templates"]:
        yield f"templates: {', '.join(planned['templates'])}"
    yield from _segments(planned["segments"])
    for each in planned["journeys"]:
        fate = "end" if each["ends"] else "go on as they began"
        yield f"journeys of {each['trigger']}: {each['running']:,} under way, which {fate}"
    if planned["unclaimed"]:
        yield f"live and not in these files: {', '.join(planned['unclaimed'])}"
    yield _summary(planned)


def _tell(planned: Document, found: Read, upon: str, *, as_json: bool, detailed: bool) -> int:
    if as_json:
        print_json(planned)
    else:
        show_diagnostics(planned, found)
        print("\n".join([upon, *told(planned, found.paths)]))
    if not planned["valid"]:
        return REFUSED
    return SOMETHING_TO_DO if detailed and not planned["empty"] else 0


def _files(planned: Document, paths: Mapping[str, Path]) -> Iterator[str]:
    """Word what changes, file by file: those here, then those that end, then any others."""
    changes = planned["declarations"]
    keys = [*planned["files"], *planned["ended"], *(change["file"] for change in changes)]
    for key in dict.fromkeys(keys):
        here = [change for change in changes if change["file"] == key]
        ends = " (its campaign ends)" if key in planned["ended"] else ""
        yield f"{paths.get(key, key)}{ends}"
        for change in here:
            moved = f", until now in {change['movedFrom']}" if change["movedFrom"] else ""
            yield f"  {_MARKS[change['change']]} {_kind(change)} {change['name']}{moved}"
            yield from _lines(change["lines"])
        if not here and not ends:
            yield "  layout and comments"


def _kind(change: Document) -> str:
    return str(change["kind"]).lower()


def _lines(lines: Sequence[str]) -> Iterator[str]:
    for line in lines[:_MOST_LINES]:
        yield f"      {line}"
    if len(lines) > _MOST_LINES:
        yield f"      … and {len(lines) - _MOST_LINES:,} more lines"


def _segments(segments: Sequence[Document]) -> Iterator[str]:
    for each in segments:
        if each["problem"]:
            yield f"people in {each['name']}: not counted, {each['problem']}"
            continue
        before, after = (
            "none" if each[when] is None else f"{each[when]:,}" for when in ("before", "after")
        )
        moves = f"{each['gained']:,} come in, {each['lost']:,} fall out"
        yield f"people in {each['name']}: {before} → {after} ({moves})"


def _summary(planned: Document) -> str:
    if not planned["valid"]:
        return "These rules cannot be published."
    if planned["empty"]:
        return "Nothing to do."
    kinds = [change["change"] for change in planned["declarations"]]
    counts = [f"{kinds.count(kind)} {kind.lower()}" for kind in _MARKS]
    return f"To publish: {', '.join(counts)}."


def _diagnostic(found: Document, paths: Mapping[str, str]) -> dsl.Diagnostic:
    each: dict[str, Any] = found["diagnostic"]
    span = dsl.Span(
        start=each["offset"],
        end=each["endOffset"],
        line=each["line"],
        column=each["column"],
        end_line=each["endLine"],
        end_column=each["endColumn"],
        file=paths[found["file"]] if found["file"] else "",
    )
    severity = dsl.Severity[each["severity"]]
    return dsl.Diagnostic(each["code"], each["message"], span, each["hint"] or "", severity)
