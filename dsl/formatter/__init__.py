"""The canonical text of rules: one layout for everybody, comments kept.

Declarations, clauses and steps become items (declarations, clauses, steps, expressions), which
`layout` prints on one line where they fit in 100 columns, else spread.
"""

from dsl.diagnostics import RuleError, SourceFile
from dsl.formatter.declarations import declaration
from dsl.formatter.layout import Item, Layout
from dsl.formatter.steps import Steps
from dsl.parser import parse


def format_source(source: SourceFile) -> str:
    """Return the canonical text of a file of rules.

    Raises RuleError if the file has syntax errors.
    """
    parsed = parse(source)
    if parsed.diagnostics:
        raise RuleError(parsed.diagnostics)
    file = parsed.file
    steps = Steps(source.text, file.comments)
    items = [declaration(node, steps) for node in file.declarations]
    if file.version is not None:
        items.insert(0, Item(file.version.span, f"fanfare {file.version.text}"))
    layout = Layout(file.comments, file.blanks)
    lines = layout.sequence(items, "", (0, len(source.text) + 1))
    return "".join(f"{line}\n" for line in lines)
