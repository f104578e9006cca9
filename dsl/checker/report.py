"""Where the checker's findings are collected, in any order and without repeats."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from dsl.diagnostics import Diagnostic, Severity, Span

MOST_ERRORS = 50


class Report:
    """Findings so far."""

    def __init__(self, found: Iterable[Diagnostic] = ()) -> None:
        self._found = list(found)
        self._seen = {(d.code, d.span) for d in self._found}

    @property
    def errors(self) -> int:
        """How many errors were found so far."""
        return sum(d.severity is Severity.ERROR for d in self._found)

    @property
    def found(self) -> Sequence[Diagnostic]:
        """What was found so far, in the order found."""
        return self._found

    def error(self, code: str, span: Span, message: str, hint: str = "") -> None:
        """Note what makes the program unusable."""
        self._add(Diagnostic(code, message, span, hint))

    def warning(self, code: str, span: Span, message: str, hint: str = "") -> None:
        """Note what is legal and most likely a mistake."""
        self._add(Diagnostic(code, message, span, hint, Severity.WARNING))

    def information(self, code: str, span: Span, message: str, hint: str = "") -> None:
        """Note what is easily misread."""
        self._add(Diagnostic(code, message, span, hint, Severity.INFORMATION))

    def _add(self, diagnostic: Diagnostic) -> None:
        # A clause that is lowered twice (a goal inherited by two members) says a thing once.
        if (key := (diagnostic.code, diagnostic.span)) not in self._seen:
            self._seen.add(key)
            self._found.append(replace(diagnostic, hint=_sentence(diagnostic.hint)))

    def sorted(self, files: Sequence[str]) -> tuple[Diagnostic, ...]:
        """Return the findings by file and place: at most 50 errors, and 50 of all else."""
        order = {name: place for place, name in enumerate(files)}
        found = sorted(
            self._found,
            key=lambda d: (order.get(d.span.file, -1), d.span.start, d.span.end, d.code),
        )
        kept: list[Diagnostic] = []
        room = {True: MOST_ERRORS, False: MOST_ERRORS}
        for diagnostic in found:
            is_error = diagnostic.severity is Severity.ERROR
            if room[is_error]:
                room[is_error] -= 1
                kept.append(diagnostic)
        return tuple(kept)


def _sentence(hint: str) -> str:
    """Return a hint as a sentence, however it was put together."""
    if not hint:
        return ""
    return hint[0].upper() + hint[1:] + ("" if hint[-1] in ".?!…" else ".")
