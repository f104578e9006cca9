"""docs/operations.md: the settings are those of app/settings.py, the commands are there."""

import re

from pydantic import SecretStr
from typer.main import get_command

from app.cli import app
from app.settings import Settings
from tests.docs.pages import PAGES, ROOT

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def test_the_settings_are_all_there_with_their_defaults():
    shown = re.findall(r"^\| `FANFARE_(\w+)` \| (?:`(.*?)` )?\| (.+) \|$", PAGE, re.MULTILINE)

    assert shown == [
        (name.upper(), written(field.default), field.description)
        for name, field in Settings.model_fields.items()
    ]


def written(default):
    if isinstance(default, SecretStr) or default in (None, ()):
        return ""
    return str(default)


def test_every_variable_named_anywhere_is_read_somewhere():
    known = {f"FANFARE_{name.upper()}" for name in Settings.model_fields}
    for module in (ROOT / "app").rglob("*.py"):  # some are of one command alone
        known |= set(re.findall(r"FANFARE_[A-Z_]+", module.read_text(encoding="utf-8")))
    for page in PAGES:
        named = set(re.findall(r"FANFARE_[A-Z_]+", page.read_text(encoding="utf-8")))
        assert named <= known, page


def test_every_command_named_anywhere_is_one():
    commands = get_command(app).commands
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        named = set(re.findall(r"(?:`|\$ |^)fanfare ([a-z]+)\b", text, re.MULTILINE))
        assert named - set(commands) == set(), page
