"""Numbered changes to what older versions have stored."""

from datetime import UTC, datetime, timedelta

from models.store.migrations import MIGRATIONS


def named(name):
    return next(each for each in MIGRATIONS if each.name == name)


async def test_counters_say_whose_they_are(database):
    counters = database["counters"]
    await counters.insert_many(
        [{"_id": "all|tenth", "uses": 2}, {"_id": "user|tenth|ann", "times": []}]
    )

    for _ in range(2):
        await named("name users of counters").apply(database)

    assert await counters.find({"user": {"$exists": True}}).to_list(None) == [
        {"_id": "user|tenth|ann", "times": [], "user": "ann"}
    ]


async def test_events_from_ahead_are_marked_themselves(database):
    now = datetime.now(UTC)
    soon, before = now + timedelta(hours=1), now - timedelta(hours=1)
    users, events = database["users"], database["events"]
    await users.create_index("facts.last", name="facts_last", sparse=True)
    await users.insert_many(
        [{"_id": "ann", "facts": {"last": soon}}, {"_id": "bob", "facts": {"last": before}}]
    )
    await events.insert_many(
        [
            {"_id": "was", "user": "ann", "at": before},
            {"_id": "will be", "user": "ann", "at": soon},
            {"_id": "was, too", "user": "bob", "at": before},
        ]
    )

    for _ in range(2):
        await named("mark events from ahead").apply(database)

    marked = await events.find({"ahead": True}).to_list(None)
    assert [event["_id"] for event in marked] == ["will be"]
    assert "facts_last" not in await users.index_information()


async def test_who_has_an_empty_name_has_none_and_is_looked_at(database):
    users = database["users"]
    await users.insert_many([{"_id": "ann", "name": ""}, {"_id": "bob", "name": "Bob"}])

    for _ in range(2):
        await named("take away empty names").apply(database)

    ann, bob = await users.find().sort("_id", 1).to_list(None)
    assert "name" not in ann
    assert ann["recheck"]["of"] == ["user.name"]
    assert bob == {"_id": "bob", "name": "Bob"}
