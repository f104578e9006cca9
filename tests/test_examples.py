"""The examples that newcomers read first: they check, come out right, and find their letters."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

import dsl
from app.commands.folder import read_templates
from dsl.triggers import If, Send, Split, WaitFor
from engine import rendering
from models.template import Template
from services.rules import check_rules

FOLDER = Path(__file__).parent.parent / "examples"
NOW = datetime(2017, 12, 31, tzinfo=UTC)
LETTERS = {
    template.name: template
    for folder in (FOLDER, FOLDER / "journeys")
    for template in read_templates(folder)
}


def sent(steps):
    """Yield the templates of a journey."""
    for step in steps:
        match step:
            case Send(template=template):
                yield template
            case If(then=then, otherwise=otherwise) | WaitFor(then=then, otherwise=otherwise):
                yield from sent((*then, *otherwise))
            case Split(arms=arms):
                yield from sent([step for _, _, inner in arms for step in inner])


each_file = pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.rules")), ids=lambda p: p.name)
each_letter = pytest.mark.parametrize("letter", LETTERS.values(), ids=lambda letter: letter.name)


def checked(*paths: Path) -> dsl.Checked:
    sources = [dsl.SourceFile(path.name, path.read_text(encoding="utf-8")) for path in paths]
    return check_rules(sources, dsl.Settings(), now=NOW)


@each_file
def test_an_example_has_nothing_to_complain_of(path):
    assert checked(path).diagnostics == ()


def test_all_examples_are_one_program_too():
    # A workspace has one loyalty programme: either the grocer's or the club's.
    others = [path for path in FOLDER.rglob("*.rules") if path.stem != "club"]

    assert checked(*others).diagnostics == ()


@each_file
def test_every_letter_that_is_sent_is_there(path):
    program = checked(path).program

    assert {name for trigger in program.triggers.values() for name in sent(trigger.steps)} <= set(
        LETTERS
    )


@each_letter
def test_a_letter_can_be_read_with_nothing_known(letter: Template):
    rendered = rendering.render(letter, {})

    assert rendered.subject
    assert "{" not in rendered.text
