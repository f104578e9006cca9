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
    received = datetime(2026, 3, 5, 12, tzinfo=UTC)
    await database["users"].create_index("facts.last", name="facts_last", sparse=True)
    await database["events"].insert_many(
        [
            {"_id": "late", "at": received - timedelta(hours=1), "received_at": received},
            {"_id": "ahead", "at": received + timedelta(hours=1), "received_at": received},
        ]
    )

    for _ in range(2):
        await named("mark events from ahead").apply(database)

    marked = await database["events"].find({"ahead": True}).to_list(None)
    assert [event["_id"] for event in marked] == ["ahead"]
    assert "facts_last" not in await database["users"].index_information()
