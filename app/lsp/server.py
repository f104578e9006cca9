"""`fanfare lsp`: the Language Server Protocol over standard input and output."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer

import dsl
from app.lsp import shapes
from app.lsp.positions import Lines
from app.lsp.programs import Disk, Program, folder_of, program_of
from services.rules import check_rules

# Seconds without a keystroke before a program is checked.
PAUSE = 0.15


class Server(LanguageServer):
    """Keeps what was said of each program, and checks it anew when one of its files changes."""

    def __init__(self, settings: dsl.Settings) -> None:
        # Whole texts: of edits by line the protocol and Python count lines differently.
        full = lsp.TextDocumentSyncKind.Full
        super().__init__("fanfare", version("fanfare"), text_document_sync_kind=full)
        self.settings = settings
        self.disk = Disk()
        self.checks: dict[Path | None, asyncio.Task[None]] = {}
        self.told: dict[Path | None, set[str]] = {}

    # --- programs --------------------------------------------------------------------------------

    def folder(self, uri: str) -> Path | None:
        """Return the folder whose files are one program with this one."""
        root = self.workspace.root_uri
        return folder_of(uri, list(self.workspace.folders) or ([root] if root else []))

    async def program(self, folder: Path | None) -> Program:
        """Return a folder's files as they are at this moment."""
        opened = self.opened(folder)
        return await asyncio.to_thread(program_of, folder, opened, self.disk)

    def opened(self, folder: Path | None) -> Mapping[str, str]:
        """Return the texts of a folder's files that are open in the editor."""
        documents = self.workspace.text_documents.values()
        return {each.uri: each.source for each in documents if self.folder(each.uri) == folder}

    def lines(self, text: str) -> Lines:
        """Return a text's lines, counted as this editor does."""
        return Lines(text, self.workspace.position_encoding)

    # --- diagnostics -----------------------------------------------------------------------------

    def check_soon(self, uri: str) -> None:
        """Check a file's program once nobody has typed for a moment."""
        folder = self.folder(uri)
        if folder in self.checks:
            self.checks[folder].cancel()
        self.checks[folder] = asyncio.create_task(self._check(folder))

    async def _check(self, folder: Path | None) -> None:
        await asyncio.sleep(PAUSE)
        documents = dict(self.workspace.text_documents)
        versions = {uri: each.version for uri, each in documents.items()}
        program = await self.program(folder)
        checked = await asyncio.to_thread(
            check_rules, program.sources, self.settings, now=datetime.now(UTC)
        )
        found: dict[str, list[lsp.Diagnostic]] = {uri: [] for uri in program.uris.values()}
        lines = {source.name: self.lines(source.text) for source in program.sources}
        for each in checked.diagnostics:
            uri = program.uris[each.span.file]
            found[uri].append(shapes.diagnostic(each, lines[each.span.file]))
        for uri in self.told.get(folder, set()) - set(found):
            found[uri] = []
        opened = set(self.opened(folder))
        told = self.told.get(folder, set())
        for uri, diagnostics in found.items():
            if diagnostics or uri in told or uri in opened:
                self.text_document_publish_diagnostics(
                    lsp.PublishDiagnosticsParams(uri, diagnostics, versions.get(uri))
                )
        self.told[folder] = {uri for uri, diagnostics in found.items() if diagnostics}


# --- what an editor may ask ----------------------------------------------------------------------


async def check(
    ls: Server,
    params: lsp.DidOpenTextDocumentParams
    | lsp.DidChangeTextDocumentParams
    | lsp.DidSaveTextDocumentParams
    | lsp.DidCloseTextDocumentParams,
) -> None:
    """Check the program of a file that was opened, changed, saved or closed."""
    ls.check_soon(params.text_document.uri)


async def check_disk(ls: Server, params: lsp.DidChangeWatchedFilesParams) -> None:
    """Check the programs of files that changed on disk."""
    for change in params.changes:
        ls.check_soon(change.uri)


async def completion(ls: Server, params: lsp.CompletionParams) -> lsp.CompletionList:
    """Say what could be written here."""
    program, name, offset = await _asked(ls, params.text_document, params.position)
    found = await asyncio.to_thread(dsl.complete, program.sources, name, offset, ls.settings)
    text = program.text_of(name)
    return shapes.completion_list(found, text, offset, ls.lines(text))


async def hover(ls: Server, params: lsp.HoverParams) -> lsp.Hover | None:
    """Say what a word means."""
    program, name, offset = await _asked(ls, params.text_document, params.position)
    found = await asyncio.to_thread(dsl.hover, program.sources, name, offset, ls.settings)
    return shapes.hover(found, ls.lines(program.text_of(name))) if found else None


async def definition(ls: Server, params: lsp.DefinitionParams) -> lsp.Location | None:
    """Say where a name is declared."""
    program, name, offset = await _asked(ls, params.text_document, params.position)
    span = await asyncio.to_thread(dsl.definition, program.sources, name, offset, ls.settings)
    if span is None:
        return None
    lines = ls.lines(program.text_of(span.file))
    return lsp.Location(program.uris[span.file], lines.range(span.start, span.end))


async def formatting(ls: Server, params: lsp.DocumentFormattingParams) -> list[lsp.TextEdit] | None:
    """Format a file; one with syntax errors is left alone."""
    text = ls.workspace.get_text_document(params.text_document.uri).source
    return await asyncio.to_thread(shapes.formatted, text, ls.lines(text))


async def symbols(ls: Server, params: lsp.DocumentSymbolParams) -> list[lsp.DocumentSymbol]:
    """List what a file declares."""
    text = ls.workspace.get_text_document(params.text_document.uri).source
    return await asyncio.to_thread(shapes.symbols, text, ls.lines(text))


async def _asked(
    ls: Server, document: lsp.TextDocumentIdentifier, position: lsp.Position
) -> tuple[Program, str, int]:
    """Return the program that a question is about, the file's name, and the offset in it."""
    program = await ls.program(ls.folder(document.uri))
    name = program.name_of(document.uri)
    return program, name, ls.lines(program.text_of(name)).offset(position)


_FEATURES: tuple[tuple[str, Callable[..., Any], Any], ...] = (
    (lsp.TEXT_DOCUMENT_DID_OPEN, check, None),
    (lsp.TEXT_DOCUMENT_DID_CHANGE, check, None),
    (lsp.TEXT_DOCUMENT_DID_SAVE, check, None),
    (lsp.TEXT_DOCUMENT_DID_CLOSE, check, None),
    (lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES, check_disk, None),
    (
        lsp.TEXT_DOCUMENT_COMPLETION,
        completion,
        lsp.CompletionOptions(trigger_characters=[".", '"']),
    ),
    (lsp.TEXT_DOCUMENT_HOVER, hover, None),
    (lsp.TEXT_DOCUMENT_DEFINITION, definition, None),
    (lsp.TEXT_DOCUMENT_FORMATTING, formatting, None),
    (lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL, symbols, None),
)


def build(settings: dsl.Settings) -> Server:
    """Return a server with everything that it answers."""
    server = Server(settings)
    for name, handler, options in _FEATURES:
        server.feature(name, options)(handler)
    return server


def serve(zone: str) -> None:
    """Serve until the editor says to exit."""
    build(dsl.Settings(zone=zone)).start_io()
