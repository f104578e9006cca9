"""The language server as an editor meets it: a process, and a client over its standard streams."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient

from app.lsp.positions import Lines

ROOT = Path(__file__).parents[2]
FACTS = (
    'attributes user { household_size: number }\nsegment regulars "Regulars" { user.points > 3 }\n'
)
UTF16, UTF8 = lsp.PositionEncodingKind.Utf16, lsp.PositionEncodingKind.Utf8


class Editor(LanguageClient):
    """An editor with one folder open."""

    def __init__(self, folder: Path) -> None:
        super().__init__("editor", "1")
        self.folder = folder
        self.told: asyncio.Queue[lsp.PublishDiagnosticsParams] = asyncio.Queue()
        self.said: lsp.InitializeResult | None = None

        @self.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def told(params: lsp.PublishDiagnosticsParams) -> None:
            self.told.put_nowait(params)

    async def start(self, *encodings: lsp.PositionEncodingKind) -> None:
        await self.start_io(sys.executable, "-m", "app.cli", "lsp", cwd=ROOT)
        general = lsp.GeneralClientCapabilities(position_encodings=encodings or None)
        self.said = await self.initialize_async(
            lsp.InitializeParams(
                capabilities=lsp.ClientCapabilities(general=general),
                workspace_folders=[lsp.WorkspaceFolder(self.folder.as_uri(), "shop")],
            )
        )
        self.initialized(lsp.InitializedParams())

    async def close(self) -> None:
        await self.shutdown_async(None)
        self.exit(None)
        await self.stop()

    def uri(self, name: str) -> str:
        return (self.folder / name).as_uri()

    def open(self, text: str, name: str = "a.rules") -> lsp.TextDocumentIdentifier:
        item = lsp.TextDocumentItem(self.uri(name), "fanfare", 1, text)
        self.text_document_did_open(lsp.DidOpenTextDocumentParams(item))
        return lsp.TextDocumentIdentifier(self.uri(name))

    def type(self, text: str, version: int, name: str = "a.rules") -> None:
        document = lsp.VersionedTextDocumentIdentifier(version, self.uri(name))
        change = lsp.TextDocumentContentChangeWholeDocument(text)
        self.text_document_did_change(lsp.DidChangeTextDocumentParams(document, [change]))

    async def diagnostics(self, name: str = "a.rules") -> list[lsp.Diagnostic]:
        """Return what is said of a file next."""
        async with asyncio.timeout(30):
            while True:
                params = await self.told.get()
                if params.uri == self.uri(name):
                    return list(params.diagnostics)


@pytest.fixture(scope="module")
async def process(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Editor]:
    editor = Editor(tmp_path_factory.mktemp("shop"))
    await editor.start()
    yield editor
    await editor.close()


@pytest.fixture
def editor(process: Editor, tmp_path: Path) -> Editor:
    """Add a folder of its own for each test: the files of a folder are one program."""
    (tmp_path / "facts.rules").write_text(FACTS, encoding="utf-8")
    process.folder = tmp_path
    added = lsp.WorkspaceFolder(tmp_path.as_uri(), tmp_path.name)
    process.workspace_did_change_workspace_folders(
        lsp.DidChangeWorkspaceFoldersParams(lsp.WorkspaceFoldersChangeEvent([added], []))
    )
    return process


def place(text: str, needle: str) -> lsp.Position:
    """Return the position right after the first occurrence of a needle, as UTF-16 counts."""
    before = text[: text.index(needle) + len(needle)]
    line = before.count("\n")
    return lsp.Position(line, len(before.rpartition("\n")[2].encode("utf-16-le")) // 2)


def within(text: str, found: lsp.Range) -> str:
    """Return what a range covers, as UTF-16 counts."""
    lines = text.split("\n")
    assert found.start.line == found.end.line
    units = lines[found.start.line].encode("utf-16-le")
    return units[found.start.character * 2 : found.end.character * 2].decode("utf-16-le")


async def labels(editor: Editor, text: str, after: str) -> list[str]:
    document = editor.open(text)
    found = await editor.text_document_completion_async(
        lsp.CompletionParams(document, place(text, after))
    )
    assert isinstance(found, lsp.CompletionList)
    return [item.label for item in found.items]


async def test_the_server_says_what_it_can(editor: Editor) -> None:
    assert editor.said is not None
    can = editor.said.capabilities

    assert can.position_encoding == UTF16
    assert can.completion_provider is not None
    assert list(can.completion_provider.trigger_characters or ()) == [".", '"']
    for provider in (
        can.hover_provider,
        can.definition_provider,
        can.document_formatting_provider,
        can.document_symbol_provider,
    ):
        assert provider


async def test_mistakes_show_while_typing_and_go_when_mended(editor: Editor) -> None:
    good = "promotion p { for user in segment regulars  take 5% off cart }\n"
    editor.open(good.replace("regulars", "regular"))
    (found,) = await editor.diagnostics()
    assert found.code == "E203"
    assert found.severity == lsp.DiagnosticSeverity.Error
    assert "regulars" in found.message

    editor.type(good, 2)

    assert await editor.diagnostics() == []


async def test_squiggles_are_right_after_emoji_and_hanzi(editor: Editor) -> None:
    text = 'segment 春节 "🎉🎊 春节" { user.name = "🧧" and user.emial is known }\n'
    editor.open(text)

    (found,) = await editor.diagnostics()

    assert within(text, found.range) == "emial"


async def test_what_one_file_breaks_shows_in_the_other(editor: Editor) -> None:
    editor.open("promotion p { for user in segment regulars  take 5% off cart }\n")
    assert await editor.diagnostics() == []

    editor.open(FACTS.replace("regulars", "others"), "facts.rules")

    (found,) = await editor.diagnostics()
    assert "there is no segment `regulars`" in found.message


async def test_a_failing_example_shows(editor: Editor) -> None:
    editor.open(
        "promotion p { take 1 USD off cart }\n"
        'example "one off" { cart { 1 of { price: 4 USD } }  expect total 4 USD }\n'
    )

    (found,) = await editor.diagnostics()

    assert found.code == "E260"


async def test_completion_knows_the_other_files(editor: Editor) -> None:
    text = "# 🎉\npromotion p { for user in segment "

    assert await labels(editor, text, "segment ") == ["regulars"]


async def test_completion_replaces_what_was_typed(editor: Editor) -> None:
    text = 'segment s { user.name = "🎉" and user.house > 3 }'
    document = editor.open(text)

    found = await editor.text_document_completion_async(
        lsp.CompletionParams(document, place(text, "user.house"))
    )

    assert isinstance(found, lsp.CompletionList)
    (item,) = found.items
    assert (item.label, item.detail) == ("household_size", "number")
    assert isinstance(item.text_edit, lsp.TextEdit)
    assert item.text_edit.new_text == "household_size"
    assert within(text, item.text_edit.range) == "house"


async def test_completion_offers_clauses(editor: Editor) -> None:
    found = await labels(editor, "promotion p {\n  when cart.quantity > 3\n  \n}", "3\n  ")

    assert {"take", "limit"} <= set(found)
    assert "when" not in found


async def test_hover_shows_type_and_meaning(editor: Editor) -> None:
    text = 'segment s { user.name = "🎉" and user.household_size > 3 }'
    document = editor.open(text)

    found = await editor.text_document_hover_async(
        lsp.HoverParams(document, place(text, "user.house"))
    )

    assert found is not None
    assert found.range is not None
    assert within(text, found.range) == "household_size"
    assert isinstance(found.contents, lsp.MarkupContent)
    assert "user.household_size: number" in found.contents.value
    assert "facts.rules, line 1" in found.contents.value


async def test_definition_leads_into_the_other_file(editor: Editor) -> None:
    text = "promotion p { for user in segment regulars }"
    document = editor.open(text)

    found = await editor.text_document_definition_async(
        lsp.DefinitionParams(document, place(text, "regu"))
    )

    assert isinstance(found, lsp.Location)
    assert found.uri == editor.uri("facts.rules")
    assert within(FACTS, found.range) == "regulars"


async def test_formatting_gives_the_canonical_text(editor: Editor) -> None:
    document = editor.open("# 🎉\nsegment s{user.name   is known}")
    options = lsp.FormattingOptions(tab_size=2, insert_spaces=True)

    edits = await editor.text_document_formatting_async(
        lsp.DocumentFormattingParams(document, options)
    )

    assert edits is not None
    (edit,) = edits
    assert edit.new_text == "# 🎉\nsegment s { user.name is known }\n"
    editor.type("segment s { user.name is", 2)
    assert not await editor.text_document_formatting_async(
        lsp.DocumentFormattingParams(document, options)
    )


async def test_symbols_list_what_is_declared(editor: Editor) -> None:
    document = editor.open('segment a "🎉" { user.name is known }\nsegment b {\n')

    found = await editor.text_document_document_symbol_async(lsp.DocumentSymbolParams(document))

    assert found is not None
    assert [symbol.name for symbol in found] == ["a"]


async def test_editors_that_count_bytes_are_served_too(tmp_path: Path) -> None:
    editor = Editor(tmp_path)
    await editor.start(UTF8)
    text = 'segment s "🎉" { user.emial is known }'
    editor.open(text)

    (found,) = await editor.diagnostics()

    start, end = found.range.start.character, found.range.end.character
    assert text.encode()[start:end].decode() == "emial"
    await editor.close()


@pytest.mark.parametrize("encoding", [UTF16, UTF8, lsp.PositionEncodingKind.Utf32])
def test_positions_and_offsets_are_inverse(encoding: str) -> None:
    text = "a🎉b\r\n春节\n\u2028x\n"
    lines = Lines(text, encoding)

    for offset in range(len(text) + 1):
        if text[offset - 1 : offset + 1] != "\r\n":
            assert lines.offset(lines.position(offset)) == offset
    assert lines.position(len(text)).line == 3
    assert lines.offset(lsp.Position(0, 99)) == 3
    assert lines.offset(lsp.Position(99, 0)) == len(text)


def test_within_a_pair_is_before_it() -> None:
    assert Lines("a🎉b").offset(lsp.Position(0, 2)) == 1


def test_without_its_library_the_command_says_how_to_get_it() -> None:
    program = "import sys; sys.modules['pygls'] = None; sys.argv = ['fanfare', 'lsp']\n"
    program += "from app.cli import main; main()"

    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 1
    assert ended.stderr == "fanfare: the language server needs: pip install 'fanfare[lsp]'\n"
