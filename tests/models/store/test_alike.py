"""Changes that are made together are those that each would have made by itself."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.store.alike import Change, changing

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
KINDS: dict[str, dict[str, Any]] = {
    "set": {"set": {"rest": {"at": NOON}, "deep.name": "$new"}},
    "merged": {"merge": {"facts.days": {"a": {"x.y": 1}, "c": {"2026-03-05": 2.5}}}},
    "added": {"add": {"facts.version": 1, "missing.count": 3}},
    "the most": {"most": {"facts.last": NOON, "never": NOON}},
    "removed": {"unset": ["moves", "facts.days.a"]},
    "as it was": {"were": {"facts.version": 4, "nothing": None}, "set": {"seen": True}},
    "the first": {"first": {"moves.id": "m1"}, "set": {"seen": True}},
}


def document(key: str) -> dict[str, Any]:
    return {
        "_id": key,
        "name": key,
        "rest": {"at": NOON, "token": "t"},
        "deep": {"name": "old", "other": 1},
        "facts": {"version": 4, "last": NOON - timedelta(days=1), "days": {"a": 1, "b": 2}},
        "moves": [{"id": "m1"}, {"id": "m2"}],
    }


@pytest.fixture
async def things(database) -> Any:
    await database["things"].insert_many([document(key) for key in ("$a", "b", "c", "d")])
    return database["things"]


async def alone_and_together(things: Any, change: Change) -> tuple[Any, Any, Any]:
    """Make a change of one, the same of two others, and return what these are then."""
    await things.bulk_write(changing([replace(change, id="$a")]))
    statements = changing([replace(change, id="b"), replace(change, id="c")])
    assert len(statements) == 1
    result = await things.bulk_write(statements)
    assert result.matched_count == 2
    one, *two = [each async for each in things.find({"_id": {"$in": ["$a", "b", "c"]}})]
    return one, *two


@pytest.mark.parametrize("parts", KINDS.values(), ids=KINDS.keys())
async def test_together_comes_to_what_each_would(things, parts):
    one, *two = await alone_and_together(things, Change(id="", **parts))

    same = {"_id": "", "name": ""}
    assert [each | same for each in two] == [one | same] * 2
    assert one != document("$a")
    assert await things.find_one({"_id": "d"}) == document("d")


async def test_each_gets_its_own(things):
    await things.bulk_write(
        changing(
            Change(
                id=key,
                were={"name": key},
                set={"own": key},
                merge={"facts.days": {"b": key}},
                add={"facts.version": place},
                most={"facts.last": NOON - timedelta(hours=place)},
            )
            for place, key in enumerate(("d", "$a", "c"))
        )
    )

    found = {each["_id"]: each async for each in things.find()}
    assert {key: each.get("own") for key, each in found.items()} == {
        "$a": "$a",
        "b": None,
        "c": "c",
        "d": "d",
    }
    assert [found[key]["facts"]["version"] for key in ("d", "$a", "c")] == [4, 5, 6]
    assert found["c"]["facts"]["days"] == {"a": 1, "b": "c"}
    assert found["c"]["facts"]["last"] == NOON - timedelta(hours=2)


@pytest.mark.parametrize(
    "known",
    [
        {"were": {"facts.version": 3}},
        {"were": {"facts.version": None}},
        {"were": {"facts.last": NOON}},
        {"first": {"moves.id": "m2"}},
        {"first": {"nothing.id": "m1"}},
    ],
    ids=str,
)
@pytest.mark.parametrize("others", [0, 2])
async def test_who_is_no_longer_as_known_stays_as_they_are(things, known, others):
    told = {part: dict.fromkeys(fields, "?") for part, fields in known.items()}
    statements = changing(
        [
            Change(id="b", set={"seen": True}, **known),
            *(Change(id=key, set={"seen": True}, **told) for key in ("c", "d")[:others]),
        ]
    )

    result = await things.bulk_write(statements)

    assert result.matched_count == 0
    assert await things.count_documents({"seen": True}) == 0


async def test_what_is_now_is_by_the_clock_of_the_server(things, database):
    before = (await database.command("hello"))["localTime"].replace(tzinfo=UTC)

    await things.bulk_write(changing([Change(id="b", now=["at"]), Change(id="c", now=["at"])]))
    await things.bulk_write(changing([Change(id="d", now=["at"])]))

    found = [each["at"] async for each in things.find({"at": {"$exists": True}})]
    assert len(found) == 3
    assert all(at >= before for at in found)


async def test_what_is_not_alike_is_written_each_in_its_own_way(things):
    await things.bulk_write(
        changing(
            [
                Change(id="b", set={"x": 1}),
                Change(id="c", set={"y": 1}),
                Change(id="d", set={"x": 2}),
            ]
        ),
        ordered=False,
    )

    found = {each["_id"]: (each.get("x"), each.get("y")) async for each in things.find()}
    assert found == {"$a": (None, None), "b": (1, None), "c": (None, 1), "d": (2, None)}


async def test_what_is_too_large_for_one_statement_is_written_in_several(things):
    large = {key: key * 7_000_000 for key in "bcd"}  # a statement holds 16 MiB

    await things.bulk_write(
        changing([Change(id=key, set={"large": each}) for key, each in large.items()]),
        ordered=False,
    )

    found = {each["_id"]: each.get("large") async for each in things.find()}
    assert found == {"$a": None, **large}
