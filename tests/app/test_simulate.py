"""`fanfare simulate`: what journeys would do when, the same every time, without a server."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import app
from engine.chance import held_out

FOLDER = Path(__file__).parent.parent.parent / "examples" / "journeys"
WHEN = {
    "forgotten-basket": ["--until", "2026-03-12T00:00"],
    "birthday": ["--since", "2026-02-27T00:00", "--until", "2026-03-02T00:00"],
    "win-back": ["--since", "2026-02-23T00:00", "--until", "2026-04-01T00:00"],
    "newsletter": ["--since", "2026-03-20T00:00", "--until", "2026-03-21T12:00"],
    "post-purchase": ["--until", "2026-04-01T00:00"],
    "club": ["--until", "2026-05-02T00:00"],
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


def test_splits_are_told_between_the_steps_around_them(tmp_path):
    rules, people = tmp_path / "split.rules", tmp_path / "people"
    rules.write_text(
        """campaign spring { holdout 50% }
        trigger t {
          at 2026-03-02T00:00
          then { tag "a"  split size { 100% ten { tag "b"  split gift { 100% cup { stop } } } } }
        }"""
    )
    people.write_text("".join(f'{{"id": "{name}"}}\n' for name in ("ann", "bob")))

    _, out, _ = simulated(
        *(str(rules), "--users", str(people)),
        *("--since", "2026-03-01T00:00", "--until", "2026-03-03T00:00"),
    )

    told: dict[str, list[str]] = {}
    for _, who, *_, what in (line.split("  ") for line in out.splitlines()):
        told.setdefault(who, []).append(what)
    went = ["started", 'tag "a"', "split size: ten", 'tag "b"', "split gift: cup", "done"]
    kept_out = {name for name in ("ann", "bob") if held_out(name, "spring", Decimal(50))}
    assert len(kept_out) == 1
    assert told == {
        name: ["ended: held_out by spring"] if name in kept_out else went for name in ("ann", "bob")
    }


CLUB = """
loyalty club {
  earn 1 point per 1 USD of order_placed.total
  tier silver at 40 points in 20 days
  points expire after 30 days
}
segment rich { user.points >= 40 }
segment young { days_since(user.created_at) < 10 }
lottery lucky {
  active from 2026-03-01 to 2026-03-09  draw at 2026-03-10T12:00  prize "Phone" quantity 1
}
trigger richer { when user enters segment rich  then { enter lucky } }
trigger poorer { when user leaves segment rich  pace 1 per hour  then { tag "poorer" } }
trigger older {
  when user leaves segment young
  then { emit order_placed { order_id: "gift", total: 5 USD } }
}
"""


def test_points_expire_tiers_end_and_days_move_people(tmp_path):
    rules, people, events = (tmp_path / name for name in ("club.rules", "people", "events"))
    rules.write_text(CLUB)
    people.write_text(
        '{"id": "ann", "points": 30}\n{"id": "rich", "points": 50}\n'
        '{"id": "new", "created_at": "2026-03-01T08:00:00Z"}\n'
    )
    events.write_text(
        '{"id": "1", "name": "order_placed", "user": "ann", "occurredAt": "2026-03-12T10:00:00Z",'
        ' "data": {"order_id": "1", "total": "10.00"}}\n'
    )

    code, out, err = simulated(
        *(str(rules), "--users", str(people), "--events", str(events)),
        *("--since", "2026-03-05T00:00", "--until", "2026-04-12T00:00"),
    )

    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "2026-03-11T00:00:00Z  new  leaves segment young",
        "2026-03-11T00:00:00Z  new  older #1  started",
        '2026-03-11T00:00:00Z  new  older #1  emit order_placed {"order_id": "gift", "total": 500}',
        "2026-03-11T00:00:00Z  new  older #1  done",
        "2026-03-11T00:00:00Z  new  event order_placed",
        "2026-03-11T00:00:00Z  new  +5 points, 5 in all",
        "2026-03-12T10:00:00Z  ann  event order_placed",
        "2026-03-12T10:00:00Z  ann  +10 points, 40 in all",
        "2026-03-12T10:00:00Z  ann  tier silver",
        "2026-03-12T10:00:00Z  ann  comes into segment rich",
        "2026-03-12T10:00:00Z  ann  richer #1  started",
        "2026-03-12T10:00:00Z  ann  richer #1  enter lucky: skipped, closed",
        "2026-03-12T10:00:00Z  ann  richer #1  done",
        "2026-03-25T00:00:00Z  ann  tier none",
        "2026-03-25T00:00:00Z  rich  tier none",
        "2026-04-04T00:00:00Z  ann  -30 points, 10 in all",
        "2026-04-04T00:00:00Z  ann  leaves segment rich",
        "2026-04-04T00:00:00Z  rich  -50 points, 0 in all",
        "2026-04-04T00:00:00Z  rich  leaves segment rich",
        "2026-04-04T00:00:00Z  ann  poorer #1  started",
        '2026-04-04T00:00:00Z  ann  poorer #1  tag "poorer"',
        "2026-04-04T00:00:00Z  ann  poorer #1  done",
        "2026-04-04T01:00:00Z  rich  poorer #1  started",
        '2026-04-04T01:00:00Z  rich  poorer #1  tag "poorer"',
        "2026-04-04T01:00:00Z  rich  poorer #1  done",
        "2026-04-10T00:00:00Z  new  -5 points, 0 in all",
        "2026-04-11T10:00:00Z  ann  -10 points, 0 in all",
    ]
