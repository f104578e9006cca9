import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path

import pytest

import dsl
from app.commands.folder import read_templates
from app.demo import EXAMPLES
from app.demo_campaigns import split
from app.importer.shift import shift_rules
from services.rules import check_rules
from tests.app.conftest import cut_down

SOURCE = (EXAMPLES / "groceries.rules").read_text()
SETTINGS = dsl.Settings(zone="America/New_York")

# The demo on little data and in a hurry, stopping where it would wait for Ctrl-C.
SCRIPT = """
import sys
from datetime import timedelta
from pathlib import Path
import app.demo, app.replay
from app.importer import tables
from app.settings import Settings
from app.up import Stack

tables.folder = lambda: Path(sys.argv[1])
app.replay.LENGTH = timedelta(seconds=4)
app.replay.HEAD_START = timedelta(seconds=4)
Stack.watch = lambda stack: None
app.demo.run(Settings())
"""


def declared(sources):
    return {
        (each.kind, each.name)
        for source in sources
        for each in dsl.outline(dsl.parse(dsl.SourceFile("rules", source)).file)
    }


def test_the_campaigns_hold_the_examples_and_nothing_else():
    parts = split(SOURCE)

    assert len(parts) == 3
    assert declared(parts.values()) == declared([SOURCE])


# Weekdays, months and leap years fall differently each time; the examples must come out the same.
@pytest.mark.parametrize("weeks", [0, 463, 464, 490, 515, 530])
def test_the_rules_hold_wherever_the_year_is_moved(weeks):
    parts = split(shift_rules(SOURCE, weeks))
    sources = [dsl.SourceFile(title, text) for title, text in parts.items()]

    checked = check_rules(sources, SETTINGS, now=datetime.now(UTC))

    assert [each.message for each in checked.diagnostics if each.severity == "error"] == []


def test_every_message_has_a_template():
    names = {template.name for template in read_templates(EXAMPLES)}
    program = dsl.check([dsl.SourceFile("rules", SOURCE)], SETTINGS).program

    assert program is not None
    for trigger in program.triggers.values():
        sent = {word for word in str(trigger).split("'") if word in names}
        assert sent, trigger.name


def test_the_demo_tells_everything_and_the_second_time_imports_nothing(tmp_path):
    households = tmp_path / "households"
    households.mkdir()
    cut_down(range(1, 81), households)
    first = demo(households, tmp_path)

    assert "Importing the Complete Journey data" in first
    assert "0 told before" in first
    assert "rejected" not in first
    assert "coffee_drinkers" in first
    assert "priced again" in first
    assert "Points earned: " in first
    assert "Points earned: 0 " not in first
    assert "still wait" not in first
    assert "Playground   http://127.0.0.1:" in first
    # How many depends on how far the workers of a slow machine come while the week goes by.
    letters = list((tmp_path / "mailbox").glob("*.eml"))
    assert mailed(first) <= len(letters)
    for path in letters:
        letter = message_from_bytes(path.read_bytes(), policy=policy.default)
        assert letter["To"].endswith("@example.test>")
        assert "{{" not in letter.get_content()

    second = demo(households, tmp_path)

    assert "The data has been imported before" in second
    assert "Events" not in second
    assert mailed(second) >= len(letters)


def mailed(said: str) -> int:
    (count,) = re.findall(r"^E-mails in the mailbox: ([\d,]+)$", said, re.MULTILINE)
    return int(count.replace(",", ""))


def demo(data: Path, folder: Path) -> str:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("FANFARE_")}
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(data)],
        env=clean | {"FANFARE_DATA_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout
