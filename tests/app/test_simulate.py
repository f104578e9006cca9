"""`fanfare simulate`: what journeys would do when, the same every time, without a server."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import app

FOLDER = Path(__file__).parent.parent.parent / "examples" / "journeys"
WHEN = {
    "forgotten-basket": ["--until", "2026-03-12T00:00"],
    "birthday": ["--since", "2026-02-27T00:00", "--until", "2026-03-02T00:00"],
    "win-back": ["--since", "2026-02-23T00:00", "--until", "2026-04-01T00:00"],
    "newsletter": ["--since", "2026-03-20T00:00", "--until", "2026-03-21T12:00"],
    "post-purchase": ["--until", "2026-04-01T00:00"],
}


def simulated(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["simulate", *arguments])
    return result.exit_code, result.stdout, result.stderr or str(result.exception or "")


def of_example(name: str) -> list[str]:
    events = FOLDER / f"{name}.events.jsonl"
    return [
        str(FOLDER / f"{name}.rules"),
        *(["--events", str(events)] if events.exists() else []),
        "--users",
        str(FOLDER / f"{name}.people.jsonl"),
        *WHEN[name],
    ]


def test_every_example_is_run():
    assert {path.stem for path in FOLDER.glob("*.rules")} == set(WHEN)


@pytest.mark.parametrize("name", WHEN)
def test_an_example_does_what_its_timeline_says(name):
    code, out, _ = simulated(*of_example(name))

    assert code == 0
    assert out == (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ('{"id": "1", "name": "cart_updatd"', "events.jsonl:1: is not JSON"),
        (
            '{"id": "1", "name": "cart_updatd", "user": "a", "occurredAt": "2026-03-02T10:00:00Z"}',
            "there is no event `cart_updatd`",
        ),
        ('{"id": "1", "name": "cart_updated", "occurredAt": "2026-03-02T10:00:00Z"}', "whose"),
        (
            '{"id": "1", "name": "cart_updated", "user": "a", "occurredAt": "2026-03-02T10:00:00Z",'
            ' "data": {"total": "1.234"}}',
            "data.total",
        ),
    ],
)
def test_an_event_that_cannot_be_is_told_with_its_line(tmp_path, event, says):
    script = tmp_path / "events.jsonl"
    script.write_text(event + "\n")

    code, out, err = simulated(
        str(FOLDER / "forgotten-basket.rules"),
        "--events",
        str(script),
        "--until",
        "2026-04-01T00:00",
    )

    assert code != 0
    assert out == ""
    assert re.search(re.escape(says), err)


def test_a_program_with_mistakes_is_not_run(tmp_path):
    rules = tmp_path / "wrong.rules"
    rules.write_text('trigger t { every day at 09:00  for user.nme = "x"  then { stop } }')

    code, _, _ = simulated(str(rules), "--since", "2026-03-01T00:00", "--until", "2026-04-01T00:00")

    assert code == 1
