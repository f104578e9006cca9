"""Text to tree, with every independent syntax error of a file.

    tokens ─► driver ─► declarations · clauses · steps · expressions (one method per grammar rule)
                 └────► recovery, messages (what was expected, in words)

`table` holds the automaton that Lark makes of grammar.lark.
"""

from dataclasses import dataclass

from dsl import nodes
from dsl.diagnostics import Diagnostic, SourceFile
from dsl.parser.driver import Driver
from dsl.parser.tokens import tokenize


@dataclass(frozen=True, slots=True)
class Parsed:
    """A file's tree, with Broken in place of declarations in error, and what is wrong, in order."""

    file: nodes.File
    diagnostics: tuple[Diagnostic, ...]


def parse(source: SourceFile) -> Parsed:
    """Parse a file. Never raises: whatever is wrong is in the diagnostics, at most 50."""
    lexed = tokenize(source)
    if lexed.too_large:
        return Parsed(nodes.File(source.name, None, ()), tuple(lexed.diagnostics))
    driver = Driver(source, lexed)
    driver.run()
    file = nodes.File(
        source.name,
        driver.version,
        tuple(driver.declarations),
        comments=tuple(lexed.comments),
        blanks=tuple(lexed.blanks),
    )
    return Parsed(file, tuple(sorted(driver.diagnostics, key=lambda d: d.span.start)))


__all__ = ["Parsed", "parse"]
