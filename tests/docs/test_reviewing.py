"""docs/reviewing-rules.md: its two jobs do what is said of them, on a real repository."""

import os
import subprocess
import sys

import pytest

from models.store import Stores
from tests.docs.pages import ROOT, blocks

PAGE = ROOT / "docs" / "reviewing-rules.md"
FILES = {name: block.text for block in blocks(PAGE) if (name := block.value("file"))}


@pytest.fixture
def job(tmp_path, database, mongodb_uri):
    """Run one of the page's jobs in a repository that has these rules committed."""
    commands = tmp_path / "bin"
    commands.mkdir()
    fanfare = commands / "fanfare"
    fanfare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m app.cli "$@"\n')
    fanfare.chmod(0o755)
    shop = tmp_path / "shop"
    (shop / "rules").mkdir(parents=True)
    who = {
        f"GIT_{who}_{what}": "ci@example.test"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    environment = who | {
        "PATH": f"{commands}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "FANFARE_MONGODB_URI": mongodb_uri,
        "FANFARE_DATABASE": database.name,
        "USER": "ci",
    }

    def call(*arguments):
        return subprocess.run(
            arguments, cwd=shop, env=environment, capture_output=True, text=True, check=False
        )

    call("git", "init", "--quiet")

    def job(name, rules, message="Change rules"):
        (shop / "rules" / "regulars.rules").write_text(rules)
        call("git", "add", ".")
        call("git", "commit", "--quiet", "--message", message)
        done = call("sh", "-c", FILES[name])
        return done.returncode, done.stdout + done.stderr

    return job


async def test_the_review_passes_what_can_be_published_and_publishes_nothing(job, database):
    code, said = job("review.sh", FILES["rules/regulars.rules"])

    assert code == 0, said
    assert "To publish: 3 added" in said
    assert (await Stores.over(database).workspace.get()).current == 0


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ("segment regulars { count(order_placed) > }", "regulars.rules:1:"),
        ("segment regulars { user.pints > 3 }\n", "regulars.rules:1:25: error"),
        ("segment   regulars { user.points > 3 }\n", "regulars.rules"),
    ],
)
async def test_the_review_stops_what_is_wrong_or_untidy(job, rules, says):
    code, said = job("review.sh", rules)

    assert code != 0
    assert says in said


async def test_the_release_publishes_what_is_merged_once(job, database):
    first = job("release.sh", FILES["live/regulars.rules"])
    second = job("release.sh", FILES["rules/regulars.rules"], "Fewer orders make a regular")
    third = job("release.sh", FILES["rules/regulars.rules"])

    assert [code for code, _ in (first, second, third)] == [0, 0, 0], (first, second, third)
    assert "live in publication 2" in second[1]
    assert third[1].endswith("Everything is live already.\n")
    publication = await Stores.over(database).publications.get(2)
    assert publication.act.why.endswith("Fewer orders make a regular")


async def test_the_release_fails_where_something_is_wrong(job, database):
    code, said = job("release.sh", "segment regulars { user.pints > 3 }\n")

    assert code == 1
    assert "regulars.rules:1:25: error" in said
    assert (await Stores.over(database).workspace.get()).current == 0
