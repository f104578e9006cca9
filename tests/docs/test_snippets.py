"""What the pages show is run: rules check clean, commands print what is printed there."""

import re
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from graphql import parse, validate

import dsl
from resolvers.api import api
from services.rules import check_rules
from tests.docs.pages import PAGES, ROOT, Block, blocks, matches

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
EVERY = [block for page in PAGES for block in blocks(page)]
# What needs no server. `fanfare up` and its like are shown, not run.
RUN = re.compile(r"\$ fanfare (check|quote|fmt|explain|plan|schema|simulate)\b")
LANGUAGES = {
    "rules",
    "console",
    "json",
    "graphql",
    "sh",
    "text",
    "js",
    "mermaid",
    "toml",
    "yaml",
    "csv",
}


def those(language: str) -> list[Block]:
    """Return all blocks in a language, without those shown to be wrong."""
    return [b for b in EVERY if b.language == language and "wrong" not in b.words]


def each(found: list[Block]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("block", found, ids=lambda block: block.id)


each_example = pytest.mark.parametrize(
    "path", sorted((ROOT / "examples").rglob("*.rules")), ids=lambda path: path.name
)


def sources(block: Block) -> list[dsl.SourceFile]:
    """Return a block of rules as a program, with the block that it is to be read with."""
    found = [dsl.SourceFile(block.value("file") or "rules", block.text)]
    if (other := block.value("with")) is not None:
        (beside,) = [b for b in blocks(block.page) if b.value("file") == other]
        found.insert(0, dsl.SourceFile(other, beside.text))
    return found


def found_in(program: list[dsl.SourceFile]) -> list[str]:
    return [
        d.render(next(s.text for s in program if s.name == d.span.file))
        for d in check_rules(program, dsl.Settings(), now=NOW).diagnostics
    ]


def test_a_block_is_in_a_language_that_is_looked_at():
    """An unmarked block would be run by nobody: indent what is to be looked at only."""
    assert [block.id for block in EVERY if block.language not in LANGUAGES] == []


@each(those("rules"))
def test_rules_are_right_and_their_examples_hold(block):
    assert found_in(sources(block)) == []


@each_example
def test_an_example_file_is_right_and_its_examples_hold(path):
    assert found_in([dsl.SourceFile(path.name, path.read_text(encoding="utf-8"))]) == []


@each(those("rules"))
def test_rules_are_shown_as_the_formatter_writes_them(block):
    assert dsl.format_source(dsl.SourceFile("rules", block.text)) == block.text


@each_example
def test_formatting_an_example_file_twice_is_formatting_once(path):
    once = dsl.format_source(dsl.SourceFile(path.name, path.read_text(encoding="utf-8")))

    assert dsl.format_source(dsl.SourceFile(path.name, once)) == once


@each(those("graphql"))
def test_operations_are_of_this_api(block):
    assert validate(api._schema, parse(block.text)) == []


@each([b for b in those("console") if RUN.match(b.text)])
def test_a_command_prints_what_is_printed_here(block, tmp_path):
    for other in blocks(block.page):
        if other.line < block.line and (name := other.value("file")):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(other.text, encoding="utf-8")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    for command, shown in turns(block.text):
        assert_prints(shlex.split(command)[1:], shown, tmp_path)


def turns(text: str) -> list[tuple[str, str]]:
    """Split a session at its prompts into commands and what each prints."""
    parts = re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
    return [(part.partition("\n")[0], part.partition("\n")[2]) for part in parts]


def assert_prints(arguments: list[str], shown: str, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "app.cli", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
        check=False,
    )
    real = done.stderr + done.stdout

    assert matches(shown, real), real


def test_the_index_names_every_page():
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = [page.relative_to(ROOT / "docs") for page in (ROOT / "docs").glob("*.md")]

    assert [
        str(page) for page in pages if page.name != "README.md" and str(page) not in index
    ] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_leads_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(#[^)\s]*)?\)", text):
        there = page if not target else (page.parent / target)
        assert there.exists(), target
        if anchor:
            assert anchor[1:] in anchors(there), f"{target}{anchor}"


def anchors(page: Path) -> set[str]:
    """Return what headings are linked by, as GitHub makes it."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
