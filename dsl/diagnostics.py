"""What is wrong with a program, and where: the language's only error vocabulary."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    INFORMATION = "information"


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range of a source, counted in code points; lines and columns begin at 1."""

    start: int = 0
    end: int = 0
    line: int = 1
    column: int = 1
    end_line: int = 1
    end_column: int = 1
    file: str = ""

    def to(self, other: "Span") -> "Span":
        """Return the span from the start of this one to the end of `other`."""
        return Span(
            self.start,
            other.end,
            self.line,
            self.column,
            other.end_line,
            other.end_column,
            self.file,
        )


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem, worded for whoever wrote the rule. `code` is stable (docs/diagnostics.md)."""

    code: str
    message: str
    span: Span
    hint: str = ""
    severity: Severity = Severity.ERROR

    def render(self, source: str) -> str:
        """Show the offending line of `source` with carets under the span."""
        line = source.split("\n")[self.span.line - 1]
        number = str(self.span.line)
        last = self.span.end_column if self.span.end_line == self.span.line else len(line) + 1
        width = max(1, min(last, len(line) + 1) - self.span.column)
        # Keep tabs, so the carets line up however wide the reader's tabs are.
        padding = "".join(c if c == "\t" else " " for c in line[: self.span.column - 1])
        where = f"{self.span.file or 'rules'}:{self.span.line}:{self.span.column}"
        return (
            f"{where}: {self.severity} {self.code}: {self.message}\n"
            f"{number} | {line}\n"
            f"{' ' * len(number)} | {padding}{'^' * width} {self.hint}"
        ).rstrip()


@dataclass(frozen=True, slots=True)
class SourceFile:
    """The text of a file of rules, and the name to call it by."""

    name: str
    text: str


class RuleError(Exception):
    """A program that cannot be used. Carries every problem found, not just the first."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("; ".join(d.message for d in self.diagnostics))
