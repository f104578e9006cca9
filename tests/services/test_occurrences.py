"""Triggers that start by the clock: each person once, in their zone, whatever is cut short."""

import asyncio
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest

from models.campaign import Act
from models.store.database import Document
from services import campaigns, occurrences
from services.jobs import Job
from tests.services.passing import pass_time, started
from tests.shop import NOW

DAILY = 'trigger daily { every day at 09:00 in user timezone  %s  then { tag "greeted" } }'
BIRTHDAY = DAILY % "for days_until(user.birthday) = 0"


async def test_everyone_starts_at_nine_by_their_own_clock(shop):
    await shop.publish(DAILY % "")
    await shop.person("berlin", timezone="Europe/Berlin")
    await shop.person("tokyo", timezone="Asia/Tokyo")
    await shop.person("unknown")
    await shop.person("strange", timezone="Mars/Olympus")

    await pass_time(shop, hours=24)

    assert await started(shop) == {
        "tokyo": ["03 00:00"],
        "berlin": ["03 08:00"],
        "unknown": ["03 09:00"],
        "strange": ["03 09:00"],
    }


@pytest.mark.parametrize(
    ("zone", "at", "day", "expected"),
    [
        ("Europe/Berlin", "02:30", date(2026, 3, 29), ["29 01:00", "30 00:30"]),
        ("Europe/Berlin", "02:30", date(2026, 10, 25), ["25 00:30", "26 01:30"]),
        ("America/New_York", "02:30", date(2026, 3, 8), ["08 07:00", "09 06:30"]),
        ("America/New_York", "01:30", date(2026, 11, 1), ["01 05:30", "02 06:30"]),
        ("Australia/Lord_Howe", "02:15", date(2026, 10, 4), ["03 15:30", "04 15:15"]),
        ("Australia/Lord_Howe", "01:45", date(2026, 4, 5), ["04 14:45", "05 15:15"]),
        ("Pacific/Kiritimati", "00:00", date(2026, 3, 2), ["01 10:00", "02 10:00"]),
    ],
)
async def test_each_date_comes_once_where_clocks_are_changed(shop, zone, at, day, expected):
    shop.clock.business = datetime.combine(day, datetime.min.time(), UTC) - timedelta(hours=16)
    await shop.publish(f'trigger t {{ every day at {at} in user timezone then {{ tag "x" }} }}')
    await shop.person(timezone=zone)

    await pass_time(shop, hours=48 - 1)

    assert (await started(shop))["ann"] == expected


async def test_birthdays_come_by_month_and_day_those_of_29_february_too(shop):
    shop.clock.business = datetime(2026, 2, 27, 12, tzinfo=UTC)
    await shop.publish(BIRTHDAY)
    await shop.person("leap", birthday=date(2000, 2, 29), timezone="Asia/Tokyo")
    await shop.person("march", birthday=date(1990, 3, 1))
    await shop.person("other", birthday=date(1990, 7, 1))
    await shop.person("nobody")

    await pass_time(shop, hours=72, step=3)

    assert await started(shop) == {"leap": ["28 00:00"], "march": ["01 09:00"]}


async def test_birthdays_are_looked_up_by_an_index(shop, database):
    await database["users"].insert_many(
        [
            {
                "_id": f"u{n:04}",
                "created_at": NOW,
                "birthday": f"19{n % 100:02}-{n % 12 + 1:02}-{n % 28 + 1:02}",
                "birthday_day": f"{n % 12 + 1:02}-{n % 28 + 1:02}",
                "timezone": "Europe/Berlin",
            }
            for n in range(2_000)
        ]
    )
    await shop.publish(BIRTHDAY)
    await shop.occur()
    # The profile has little room: only what this is about.
    await database.command({"profile": 1, "filter": {"ns": f"{database.name}.users"}})
    try:
        shop.clock.turn(hours=21)  # 3 March at 9:00 in UTC, 10:00 in Berlin
        await shop.occur()
    finally:
        await database.command({"profile": 0, "filter": "unset"})
    looks = [
        look
        async for look in database["system.profile"].find({"ns": f"{database.name}.users"})
        if look["command"].get("aggregate") and "birthday_day" in str(look["command"])
    ]
    await database["system.profile"].drop()

    assert looks
    found = await database["runs"].count_documents({})
    assert found == len([n for n in range(2_000) if (n % 12, n % 28) == (2, 2)])
    assert max(look["docsExamined"] for look in looks) <= 2 * found + 10


async def test_outside_its_occasions_nobody_is_looked_at(shop, database):
    await shop.publish(BIRTHDAY)
    await shop.person(timezone="Europe/Berlin")
    await shop.occur()
    # The profile has little room: only what this is about.
    await database.command({"profile": 1, "filter": {"ns": f"{database.name}.users"}})
    try:
        await pass_time(shop, hours=12)
    finally:
        await database.command({"profile": 0, "filter": "unset"})
    looks = await database["system.profile"].find({"ns": f"{database.name}.users"}).to_list()
    await database["system.profile"].drop()

    # Indexes are asked which zones there are, and no more.
    assert any("distinct" in look["command"] for look in looks)
    assert sum(look.get("docsExamined", 0) for look in looks) == 0


async def test_a_broadcast_goes_out_once(shop):
    await shop.publish('trigger news { at 2026-03-02T18:00  then { tag "told" } }')
    await shop.person("ann", timezone="Asia/Tokyo")
    await shop.person("bob")

    await pass_time(shop, hours=48, step=2)

    assert await started(shop) == {"ann": ["02 18:00"], "bob": ["02 18:00"]}


async def test_who_is_not_meant_or_had_it_lately_starts_nothing(shop):
    await shop.publish(
        DAILY % 'for user.consent.email = true and lower(user.name) = "ann"  limit 1 per user'
        " per 2 days"
    )
    await shop.person("ann", name="ANN")
    await shop.person("bob")

    await pass_time(shop, hours=72, step=1)

    assert await started(shop) == {"ann": ["03 09:00", "05 09:00"]}
    assert await shop.stores.runs.documents.count_documents({"state": "planned"}) == 0


async def test_a_page_that_is_repeated_starts_nobody_twice(shop, monkeypatch):
    monkeypatch.setattr(occurrences, "PAGE", 4)
    await shop.publish(DAILY % "")
    for number in range(10):
        await shop.person(f"p{number}")
    await shop.occur()
    shop.clock.turn(hours=21)
    (occurrence,) = await shop.stores.occurrences.due(
        shop.clock.now(), wall=shop.clock.wall(), paused=(), limit=9
    )
    advance = type(shop.stores.occurrences).advance

    async def killed(*args: object, **more: object) -> bool:
        if len(await shop.stores.runs.documents.find().to_list()) > 4:
            raise ConnectionAbortedError
        return await advance(*args, **more)

    monkeypatch.setattr(type(shop.stores.occurrences), "advance", killed)
    with pytest.raises(ConnectionAbortedError):
        await occurrences.work(occurrence, shop.occasions)
    monkeypatch.undo()
    await shop.occur()
    assert len(await started(shop)) == 8, "nobody else may go on while it is held"

    shop.clock.turn(minutes=1)
    await asyncio.gather(*(occurrences.work(occurrence, shop.occasions) for _ in range(3)))
    await shop.occur()

    assert {user: len(times) for user, times in (await started(shop)).items()} == {
        f"p{number}": 1 for number in range(10)
    }
    stored = await shop.stores.occurrences.documents.find_one({"_id": occurrence})
    assert (stored["state"], stored["people"]) == ("done", 10)


async def test_what_an_outage_kept_back_is_caught_up_once(shop):
    await shop.publish(DAILY % "")
    await shop.person()
    await shop.occur()

    shop.clock.turn(hours=24 + 24 + 2)  # it is 14:00 on the third day
    await shop.occur()

    # A run's time is its occasion's, unless that is long past.
    assert await started(shop) == {"ann": ["04 09:00"]}
    states = Counter([each["state"] async for each in shop.stores.occurrences.documents.find()])
    assert states == {"missed": 1, "done": 1, "planned": 1}
    told = await shop.stores.outbox.waiting(50)
    (missed,) = [entry for entry in told if entry.type == "trigger.missed"]
    assert missed.data["local"] == "2026-03-03T09:00"


async def test_rules_that_change_plan_anew_and_do_not_start_anyone_twice_a_day(shop):
    await shop.publish(DAILY % "")
    await shop.person()
    await pass_time(shop, hours=22, step=1)
    assert await started(shop) == {"ann": ["03 09:00"]}

    await shop.publish((DAILY % "").replace("09:00", "17:00"))
    await pass_time(shop, hours=36, step=1)

    assert await started(shop) == {"ann": ["03 09:00", "04 17:00"]}
    waiting = await shop.stores.occurrences.planned()
    assert [each.local for each in waiting] == ["2026-03-05T17:00"]


async def test_a_paused_campaign_catches_up_when_it_goes_on(shop):
    await shop.publish(DAILY % "")
    await shop.person()
    await shop.occur()
    (campaign,) = await shop.stores.campaigns.documents.find().to_list()
    await campaigns.pause(campaign["_id"], Act("marketer", NOW), stores=shop.stores)
    await shop.rulebook.refresh()
    await pass_time(shop, hours=23, step=1)
    assert await started(shop) == {}

    await campaigns.resume(campaign["_id"], Act("marketer", NOW), stores=shop.stores)
    await shop.rulebook.refresh()
    await pass_time(shop, hours=1)

    assert await started(shop) == {"ann": ["03 09:00"]}


async def test_when_a_campaign_ends_what_was_planned_is_gone(shop):
    await shop.publish(DAILY % "")
    await shop.person()
    await shop.occur()
    (campaign,) = await shop.stores.campaigns.documents.find().to_list()

    await campaigns.end(campaign["_id"], Act("marketer", NOW), stores=shop.stores)
    await shop.rulebook.refresh()
    await pass_time(shop, hours=24, step=3)

    assert await started(shop) == {}
    assert await shop.stores.occurrences.planned() == []


async def test_the_feed_hears_of_what_occurred(shop):
    await shop.publish(DAILY % "")
    await shop.person()
    await pass_time(shop, hours=22, step=1)

    told: list[Document] = [
        {"type": entry.type, **entry.data} for entry in await shop.stores.outbox.waiting(50)
    ]
    (occurred,) = [entry for entry in told if entry["type"] == "trigger.occurred"]
    assert (occurred["zone"], occurred["people"]) == ("UTC", 1)
    (run,) = [entry for entry in told if entry["type"] == "run.started"]
    assert run["occurrence"] == "2026-03-03"


async def test_many_schedulers_plan_each_occurrence_once(shop):
    await shop.publish(DAILY % "")
    for zone in ("Europe/Berlin", "Asia/Tokyo", "America/New_York"):
        await shop.person(zone, timezone=zone)
    published = await shop.rulebook.current()

    await asyncio.gather(
        *(
            occurrences.plan_ahead(
                occurrences.Ahead(),
                published,
                stores=shop.stores,
                now=NOW,
                wall=NOW,
            )
            for _ in range(5)
        )
    )

    planned = await shop.stores.occurrences.planned()
    assert sorted(each.zone for each in planned) == [
        "America/New_York",
        "Asia/Tokyo",
        "Europe/Berlin",
        "UTC",
    ]
    assert Job.START_OCCURRENCE not in {job for job, _ in shop.bells.rung}
