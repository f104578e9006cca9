"""Numbered changes to what older versions have stored."""

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
