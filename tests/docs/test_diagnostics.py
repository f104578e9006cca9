"""docs/diagnostics.md: every code is there, its wrong example gets it and its right one nothing."""

import re
from datetime import UTC, datetime

import pytest

import dsl
from dsl.codes import CODES
from models.store import Stores
from models.template import Template
from services import readiness, templates
from services.rules import check_rules
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "diagnostics.md").read_text(encoding="utf-8")
NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
SECTION = re.compile(
    r"^### ([EWI]\d{3})\n\n\*\*(.+?)\.\*\* (.+?)(?=^##|\Z)", re.MULTILINE | re.DOTALL
)
EXAMPLE = re.compile(r"^```rules( wrong)?\n(.*?)^```", re.MULTILINE | re.DOTALL)
# Only publishing can tell: what is there, and what can be carried out.
AT_PUBLISH = ("E290", "E291", "E292")

SECTIONS = {code: (meaning, text) for code, meaning, text in SECTION.findall(PAGE)}
EXAMPLES = [
    (code, bool(wrong), source)
    for code, (_, text) in SECTIONS.items()
    for wrong, source in EXAMPLE.findall(text)
]


def test_every_code_has_a_section_with_its_meaning():
    meanings = {code: meaning[0].lower() + meaning[1:] for code, (meaning, _) in SECTIONS.items()}

    assert meanings == dict(CODES)


def test_every_section_has_a_wrong_and_a_right_example():
    assert [(code, wrong) for code, wrong, _ in EXAMPLES] == [
        (code, wrong) for code in CODES for wrong in (True, False)
    ]


@pytest.mark.parametrize(
    ("code", "wrong", "source"),
    [each for each in EXAMPLES if each[0] not in AT_PUBLISH],
    ids=lambda value: value if isinstance(value, str) and len(value) == 4 else "",
)
def test_an_example_gets_what_the_page_says(code, wrong, source):
    found = check_rules([dsl.SourceFile("rules", source)], dsl.Settings(), now=NOW).diagnostics

    assert [each.code for each in found] == ([code] if wrong else [])


@pytest.mark.parametrize("code", AT_PUBLISH)
async def test_an_example_of_publishing_gets_what_the_page_says(code, database):
    stores = Stores.over(database)
    welcome = Template(channel="email", name="welcome", subject="Hello", text="Hello")
    offer = Template(channel="email", name="offer", subject="Hello", text="{{ tea }}")
    for template in (welcome, offer):
        await templates.save(template, stores=stores, now=NOW, by=None)
    for one, wrong, source in EXAMPLES:
        if one == code:
            program = dsl.check([dsl.SourceFile("rules", source)]).program
            assert program is not None

            found = await readiness.hindrances(program, stores=stores)

            assert [each.code for each in found] == ([code] if wrong else [])
