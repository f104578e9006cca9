"""What dsl says, in the shapes of the Language Server Protocol."""

from collections.abc import Sequence

from lsprotocol import types as lsp

import dsl
from app.lsp.positions import Lines
from dsl import CompletionKind, Severity

_SEVERITIES = {
    Severity.ERROR: lsp.DiagnosticSeverity.Error,
    Severity.WARNING: lsp.DiagnosticSeverity.Warning,
    Severity.INFORMATION: lsp.DiagnosticSeverity.Information,
}
_KINDS = {
    CompletionKind.DECLARATION: lsp.CompletionItemKind.Class,
    CompletionKind.CLAUSE: lsp.CompletionItemKind.Keyword,
    CompletionKind.STEP: lsp.CompletionItemKind.Keyword,
    CompletionKind.KEYWORD: lsp.CompletionItemKind.Keyword,
    CompletionKind.OPERATOR: lsp.CompletionItemKind.Operator,
    CompletionKind.FACT: lsp.CompletionItemKind.Field,
    CompletionKind.EVENT: lsp.CompletionItemKind.Event,
    CompletionKind.NAME: lsp.CompletionItemKind.Reference,
    CompletionKind.FUNCTION: lsp.CompletionItemKind.Function,
    CompletionKind.UNIT: lsp.CompletionItemKind.Unit,
    CompletionKind.CURRENCY: lsp.CompletionItemKind.Unit,
    CompletionKind.VALUE: lsp.CompletionItemKind.Value,
}
_SYMBOLS = {
    "event": lsp.SymbolKind.Event,
    "attributes": lsp.SymbolKind.Struct,
    "list": lsp.SymbolKind.Array,
    "campaign": lsp.SymbolKind.Namespace,
    "segment": lsp.SymbolKind.Class,
    "trigger": lsp.SymbolKind.Function,
    "example": lsp.SymbolKind.Object,
}


def diagnostic(found: dsl.Diagnostic, lines: Lines) -> lsp.Diagnostic:
    """Return a diagnostic; a squiggle is at least one character wide."""
    span = found.span
    return lsp.Diagnostic(
        range=lines.range(span.start, max(span.end, span.start + 1)),
        message=f"{found.message}\n{found.hint}" if found.hint else found.message,
        severity=_SEVERITIES[found.severity],
        code=found.code,
        source="fanfare",
    )


def completion_list(
    found: Sequence[dsl.Completion], text: str, offset: int, lines: Lines
) -> lsp.CompletionList:
    """Return completions in their order. They are asked for anew with each letter."""
    width = len(str(len(found)))
    items = []
    for index, each in enumerate(found):
        written = text[each.start : offset]
        begins = each.label.casefold().startswith(written.casefold())
        items.append(
            lsp.CompletionItem(
                label=each.label,
                kind=_KINDS[each.kind],
                detail=each.detail or None,
                documentation=_markdown(each.documentation) if each.documentation else None,
                sort_text=str(index).rjust(width, "0"),
                filter_text=None if begins else written,
                text_edit=lsp.TextEdit(lines.range(each.start, each.end), each.insert),
            )
        )
    return lsp.CompletionList(is_incomplete=True, items=items)


def hover(found: dsl.Hover, lines: Lines) -> lsp.Hover:
    """Return a hover: the title as code, the text below it."""
    title = f"```fanfare\n{found.title}\n```"
    text = f"{title}\n\n{found.text}" if found.text else title
    return lsp.Hover(_markdown(text), lines.range(found.span.start, found.span.end))


def symbols(text: str, lines: Lines) -> list[lsp.DocumentSymbol]:
    """Return what a text declares."""
    file = dsl.parse(dsl.SourceFile("", text)).file
    return [
        lsp.DocumentSymbol(
            name=each.name,
            detail=f"{each.kind} “{each.title}”" if each.title else each.kind,
            kind=_SYMBOLS.get(each.kind, lsp.SymbolKind.Object),
            range=lines.range(each.span.start, each.span.end),
            selection_range=lines.range(each.span.start, each.span.start + len(each.kind)),
        )
        for each in dsl.outline(file)
    ]


def formatted(text: str, lines: Lines) -> list[lsp.TextEdit] | None:
    """Return the edit that formats a text, none if it is well; None if it has syntax errors."""
    plain = text.replace("\r\n", "\n")
    try:
        after = dsl.format_source(dsl.SourceFile("", plain))
    except dsl.RuleError:
        return None
    if "\r\n" in text:
        after = after.replace("\n", "\r\n")
    return [] if after == text else [lsp.TextEdit(lines.range(0, len(text)), after)]


def _markdown(text: str) -> lsp.MarkupContent:
    return lsp.MarkupContent(lsp.MarkupKind.Markdown, text)
