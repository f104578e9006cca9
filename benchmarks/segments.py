"""Segments over a million people: one beside a query by hand, twenty in a pass, one person anew.

The people are made here, in a mongod of its own (`quick` profile: what is measured of a million
people is reading).

Run: python benchmarks/segments.py [people]
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from _measure import spell

import dsl
from devserver.mongod import Profile, running
from models.campaign import Act
from models.event import Event, lane_of
from models.store import Database, Stores, connect, prepare
from services import fillings, lanes, memberships, releases
from services.lanes import Lanes
from services.releases import RulesFile
from services.rulebook import Rulebook

PEOPLE = 1_000_000
FILLED = 20_000
PAGE = 50_000
NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
COUNTRIES = ("US", "CA", "DE", "FR", "JP", "BR", "IN", "MX")
DECLARED = """
attributes user { country: text  size: number  spent: money USD  joined: date  unsubscribed: bool }
"""
FIVE = """
segment five {
  user.country in ["US", "CA", "DE"] and user.size >= 3 and user.spent >= 100 USD
    and user.consent.email = true and not user.unsubscribed
}
"""
BY_HAND = {
    "attributes.country": {"$in": ["US", "CA", "DE"]},
    "attributes.size": {"$gte": 3},
    "attributes.spent": {"$gte": 10_000},
    "consent.email": True,
    "attributes.unsubscribed": {"$ne": True},
}


def twenty() -> dict[str, str]:
    """Return twenty segments of two to four conditions each."""
    found: dict[str, str] = {}
    for n in range(20):
        country, size, spent = COUNTRIES[n % 8], 1 + n % 5, 50 + 10 * n
        extra = (
            "user.consent.email = true",
            "days_until(user.birthday) <= 30",
            "years_since(user.birthday) >= 30 and not user.unsubscribed",
            f"days_since(user.joined) <= {100 + n}",
        )[n % 4]
        found[f"s{n}"] = (
            f'user.country != "{country}" and user.size >= {size}'
            f" and user.spent >= {spent} USD and {extra}"
        )
    return found


def person(n: int, chance: Random) -> dict[str, Any]:
    born = datetime(1950, 1, 1) + timedelta(days=chance.randrange(20_000))  # noqa: DTZ001 a date
    joined = NOW - timedelta(days=chance.randrange(1500))
    key = f"u{n:07}"
    return {
        "_id": key,
        "lane": lane_of(key),
        "email": f"{key}@example.test",
        "name": key,
        "birthday": born.date().isoformat(),
        "tags": [],
        "consent": {"email": chance.random() < 0.6, "sms": False, "push": False},
        "attributes": {
            "country": chance.choice(COUNTRIES),
            "size": chance.randrange(1, 7),
            "spent": chance.randrange(50_000),
            "joined": joined.date().isoformat(),
            "unsubscribed": chance.random() < 0.1,
        },
        "points": 0,
        "roles": ["customer"],
        "created_at": joined,
        "version": 1,
        "recheck": {"at": datetime(9999, 1, 1, tzinfo=UTC)},
    }


async def make(database: Database, people: int) -> None:
    chance = Random(2026)
    for start in range(0, people, 10_000):
        batch = [person(n, chance) for n in range(start, min(start + 10_000, people))]
        await database["users"].insert_many(batch, ordered=False)


async def timed(work: Callable[[], Awaitable[Any]], rounds: int) -> tuple[float, Any]:
    """Return the median of elapsed seconds, and what came of it."""
    taken: list[float] = []
    found: Any = None
    for _ in range(rounds):
        started = time.perf_counter()
        found = await work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken), found


def program_of(text: str) -> dsl.Program:
    checked = dsl.check([dsl.SourceFile("rules", DECLARED + text)])
    assert checked.program is not None, checked.diagnostics
    return checked.program


async def counted(stores: Stores, stages: Sequence[Mapping[str, Any]]) -> int:
    cursor = stores.users.documents.aggregate([*stages, {"$count": "people"}])
    return sum([found["people"] async for found in cursor])


async def one_beside_a_query_by_hand(stores: Stores) -> None:
    program = program_of(FIVE)
    condition = program.segments["five"].condition
    stages = dsl.to_mongo(condition, dsl.Layout(), dsl.Moment(NOW, "UTC", program))
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(5):  # in turn: whatever else runs hits both
        took, count = await timed(lambda: counted(stores, stages), 1)
        ours.append(took)
        took, by_hand = await timed(lambda: counted(stores, [{"$match": BY_HAND}]), 1)
        theirs.append(took)
        assert count == by_hand
    mine, hand = statistics.median(ours), statistics.median(theirs)
    print(
        f"five conditions: {spell(mine)}, by hand {spell(hand)}, {mine / hand:.2f} × ({count:,} in)"
    )


async def twenty_together(stores: Stores) -> None:
    conditions = twenty()
    program = program_of("\n".join(f"segment {n} {{ {c} }}" for n, c in conditions.items()))
    moment = dsl.Moment(NOW, "UTC", program)
    wanted = {name: segment.condition for name, segment in program.segments.items()}
    alone: dict[str, int] = {}
    sum_of_times = 0.0
    for name, condition in wanted.items():
        stages = dsl.to_mongo_together({name: condition}, dsl.Layout(), moment)
        took, alone[name] = await timed(lambda stages=stages: counted(stores, stages), 1)
        sum_of_times += took
    stages = dsl.to_mongo_together(wanted, dsl.Layout(), moment)
    each = [
        *stages,
        {"$unwind": "$names"},
        {"$group": {"_id": "$names", "people": {"$sum": 1}}},
    ]

    async def together() -> dict[str, int]:
        """Go by pages, as filling does: no single query takes longer than the driver waits."""
        counts: dict[str, int] = {}
        after: str | None = None
        while (upto := await stores.looks.last_of(after, count=PAGE)) is not None:
            among = {"_id": {"$lte": upto, **({"$gt": after} if after else {})}}
            cursor = stores.users.documents.aggregate([{"$match": among}, *each])
            async for found in cursor:
                counts[found["_id"]] = counts.get(found["_id"], 0) + found["people"]
            after = upto
        return counts

    took, found = await timed(together, 2)
    assert found == {name: count for name, count in alone.items() if count}
    print(
        f"twenty segments: one by one {spell(sum_of_times)}, together {spell(took)},"
        f" {took / sum_of_times:.2f} ×"
    )


async def alone() -> bool:
    """Whether nobody else fills segments."""
    return True


async def fill(stores: Stores) -> Rulebook:
    conditions = twenty()
    text = DECLARED + "\n".join(f"segment {n} {{ {c} }}" for n, c in conditions.items())
    text += "\nsegment buyers { count(order_placed, last 90 days) >= 2 and user.size >= 3 }"
    await releases.release([RulesFile("f", "F", text)], Act("me", NOW), stores=stores)
    rulebook = Rulebook(stores)
    started = time.perf_counter()
    while await fillings.step(alone, stores=stores, rulebook=rulebook, now=NOW):
        pass
    members = await stores.memberships.documents.estimated_document_count()
    seconds = time.perf_counter() - started
    print(f"filling 21 segments: {spell(seconds)}, {members:,} memberships")
    return rulebook


class Clock:
    def now(self) -> datetime:
        return NOW

    def wall(self) -> datetime:
        return NOW


class Bells:
    async def ring(self, job: Any, args: Sequence[str]) -> None:
        pass


async def one_person_anew(stores: Stores, rulebook: Rulebook, people: int) -> None:
    chance = Random(7)
    looked: list[float] = []
    whole: list[float] = []
    worker = Lanes(stores=stores, rulebook=rulebook, jobs=Bells(), clock=Clock())
    for n in range(300):
        user = f"u{chance.randrange(people):07}"
        event = Event(
            id=f"order_placed|{n}",
            name="order_placed",
            user_id=user,
            at=NOW - timedelta(minutes=1),
            received_at=NOW,
            publication=1,
            data={"order_id": str(n), "total": 500, "items": []},
        )
        await stores.events.add([event], pending=n % 2 == 0)
        started = time.perf_counter()
        if n % 2 == 0:
            await lanes.work([lane_of(user)], worker)
            whole.append(time.perf_counter() - started)
        else:
            await memberships.follow([event], stores=stores, rulebook=rulebook, now=NOW)
            await memberships.look(
                lane_of(user), stores=stores, rulebook=rulebook, jobs=Bells(), now=NOW
            )
            looked.append(time.perf_counter() - started)
    for name, taken in (("note and look", looked), ("all of a lane's work", whole)):
        ordered = sorted(taken)
        p50, p99 = ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100]
        print(f"one person after an event, {name}: p50 {spell(p50)}, p99 {spell(p99)}")


async def run(uri: str, people: int) -> None:
    database = connect(uri, "bench", patience_ms=10_000)
    await prepare(database)
    stores = Stores.over(database)
    started = time.perf_counter()
    await make(database, people)
    print(f"{people:,} people made in {spell(time.perf_counter() - started)}")
    await one_beside_a_query_by_hand(stores)
    await twenty_together(stores)
    # Writing members is measured on fewer people: it takes as long for each.
    fewer = connect(uri, "filled", patience_ms=10_000)
    await prepare(fewer)
    await make(fewer, FILLED)
    stores = Stores.over(fewer)
    await one_person_anew(stores, await fill(stores), FILLED)


def main() -> None:
    people = int(sys.argv[1].replace("_", "")) if len(sys.argv) > 1 else PEOPLE
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder), Profile.QUICK) as mongod,
    ):
        asyncio.run(run(mongod.uri, people))


if __name__ == "__main__":
    main()
