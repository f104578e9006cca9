"""Segments over a million people: one beside a query by hand, twenty in a pass, one person anew.

The people are made here, in a mongod of its own (`quick` profile: most of what is measured is
reading). Beside elapsed time, ratios are of mongod's CPU: on a busy machine they say more. A
million people and their members take 1 GB of disk, and are removed.

Run: python benchmarks/segments.py [people]
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from _measure import cpu_of, size_asked, spell

import dsl
from devserver.mongod import Mongod, Profile, running
from models.campaign import Act
from models.event import Event, lane_of
from models.store import Database, Stores, connect, prepare
from services import fillings, lanes, measuring, memberships, releases
from services.lanes import Lanes
from services.releases import RulesFile
from services.rulebook import Rulebook

PEOPLE = 1_000_000
FEWER = 50_000
PAGE = 50_000
ROUNDS = 12
EVENTS = 400
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


async def timed(work: Callable[[], Awaitable[Any]]) -> tuple[float, Any]:
    """Return elapsed seconds, and what came of it."""
    started = time.perf_counter()
    found = await work()
    return time.perf_counter() - started, found


def program_of(text: str) -> dsl.Program:
    checked = dsl.check([dsl.SourceFile("rules", DECLARED + text)])
    assert checked.program is not None, checked.diagnostics
    return checked.program


async def counted(stores: Stores, stages: Sequence[Mapping[str, Any]]) -> int:
    cursor = stores.users.documents.aggregate([*stages, {"$count": "people"}])
    return sum([found["people"] async for found in cursor])


async def one_beside_a_query_by_hand(stores: Stores, mongod: Mongod) -> None:
    program = program_of(FIVE)
    condition = program.segments["five"].condition
    stages = dsl.to_mongo(condition, dsl.Layout(), dsl.Moment(NOW, "UTC", program))
    ways = {"ours": stages, "by hand": [{"$match": BY_HAND}]}
    elapsed: dict[str, list[float]] = {way: [] for way in ways}
    cpu: dict[str, list[float]] = {way: [] for way in ways}
    counts = set[int]()
    for _ in range(ROUNDS):  # in turn: whatever else runs hits both
        for way, asked in ways.items():
            before = cpu_of(mongod.process.pid)
            took, count = await timed(lambda asked=asked: counted(stores, asked))
            elapsed[way].append(took)
            cpu[way].append(cpu_of(mongod.process.pid) - before)
            counts.add(count)
    assert len(counts) == 1
    ours, by_hand = (statistics.median(each) for each in elapsed.values())
    print(
        f"five conditions: {spell(ours)}, by hand {spell(by_hand)}, {ours / by_hand:.2f} ×,"
        f" {sum(cpu['ours']) / sum(cpu['by hand']):.2f} × of CPU ({counts.pop():,} in)"
    )


async def twenty_together(stores: Stores, mongod: Mongod) -> None:
    conditions = twenty()
    program = program_of("\n".join(f"segment {n} {{ {c} }}" for n, c in conditions.items()))
    moment = dsl.Moment(NOW, "UTC", program)
    wanted = {name: segment.condition for name, segment in program.segments.items()}

    async def passed(names: Sequence[str]) -> dict[str, int]:
        """Go by pages, as filling does: no single query takes longer than the driver waits."""
        asked = {name: wanted[name] for name in names}
        stages = [
            *dsl.to_mongo_together(asked, dsl.Layout(), moment),
            {"$unwind": "$names"},
            {"$group": {"_id": "$names", "people": {"$sum": 1}}},
        ]
        counts: dict[str, int] = {}
        after: str | None = None
        while (upto := await stores.looks.last_of(after, count=PAGE)) is not None:
            among = {"_id": {"$lte": upto, **({"$gt": after} if after else {})}}
            cursor = stores.users.documents.aggregate([{"$match": among}, *stages])
            async for found in cursor:
                counts[found["_id"]] = counts.get(found["_id"], 0) + found["people"]
            after = upto
        return counts

    begun = cpu_of(mongod.process.pid)
    alone: dict[str, int] = {}
    sum_of_times = 0.0
    for name in wanted:
        took, found = await timed(lambda name=name: passed([name]))
        alone |= found
        sum_of_times += took
    between = cpu_of(mongod.process.pid)
    took, found = await timed(lambda: passed(list(wanted)))
    assert found == alone
    cpu = (cpu_of(mongod.process.pid) - between) / (between - begun)
    print(
        f"twenty segments: one by one {spell(sum_of_times)}, together {spell(took)},"
        f" {took / sum_of_times:.2f} ×, {cpu:.2f} × of CPU"
    )


async def alone() -> bool:
    """Whether nobody else fills segments."""
    return True


async def filled(texts: Iterable[str], stores: Stores, mongod: Mongod) -> tuple[float, float]:
    """Publish these rules one after the other, each filled; return seconds elapsed and of CPU."""
    rulebook = Rulebook(stores)
    elapsed = cpu = 0.0
    for text in texts:
        source = RulesFile("f", "F", DECLARED + text)
        await releases.release([source], Act("me", NOW), stores=stores)
        published = await rulebook.refresh()
        await measuring.look_after(published, stores=stores, wall=NOW)
        started, before = time.perf_counter(), cpu_of(mongod.process.pid)
        while await fillings.step(alone, stores=stores, rulebook=rulebook, now=NOW):
            pass
        elapsed += time.perf_counter() - started
        cpu += cpu_of(mongod.process.pid) - before
    return elapsed, cpu


async def members_one_by_one_and_together(mongod: Mongod) -> None:
    """Have the members of twenty segments written: a publication each, and all with one."""
    rules = [f"segment {name} {{ {condition} }}" for name, condition in twenty().items()]
    taken = []
    for name, texts in {
        "singly": ["\n".join(rules[: n + 1]) for n in range(len(rules))],
        "together": ["\n".join(rules)],
    }.items():
        database = connect(mongod.uri, name, patience_ms=10_000)
        await prepare(database)
        await make(database, FEWER)
        taken.append(await filled(texts, Stores.over(database), mongod))
    (singly, singly_cpu), (together, together_cpu) = taken
    print(
        f"members of twenty segments, {FEWER:,} people: {spell(singly)} singly,"
        f" {spell(together)} together, {together / singly:.2f} ×,"
        f" {together_cpu / singly_cpu:.2f} × of CPU"
    )


async def fill(stores: Stores, mongod: Mongod) -> Rulebook:
    """Fill the segments on which one person is then judged, and one more that events change."""
    rules = [f"segment {name} {{ {condition} }}" for name, condition in twenty().items()]
    rules.append("segment buyers { count(order_placed, last 90 days) >= 2 and user.size >= 3 }")
    seconds, cpu = await filled(["\n".join(rules)], stores, mongod)
    members = await stores.memberships.documents.estimated_document_count()
    print(f"filling 21 segments: {spell(seconds)}, {cpu:.0f} s of CPU, {members:,} memberships")
    return Rulebook(stores)


class Clock:
    def now(self) -> datetime:
        return NOW

    def wall(self) -> datetime:
        return NOW


class Bells:
    async def ring(self, job: Any, args: Sequence[str]) -> None:
        pass


async def one_person_anew(stores: Stores, rulebook: Rulebook, people: int) -> None:
    """Work off events of one person each, in turn: a note and a look, and all of a lane's work."""
    chance = Random(7)
    taken: dict[str, list[float]] = {}
    worker = Lanes(stores=stores, rulebook=rulebook, jobs=Bells(), clock=Clock())

    async def note(event: Event) -> None:
        await memberships.follow([event], stores=stores, rulebook=rulebook, now=NOW)

    async def look(event: Event) -> None:
        lane = [lane_of(event.user_id)]
        looked = await memberships.look(
            lane, stores=stores, rulebook=rulebook, jobs=Bells(), now=NOW
        )
        assert looked == 1

    async def find(event: Event) -> None:
        await stores.users.find(event.user_id)

    async def work(event: Event) -> None:
        await lanes.work([lane_of(event.user_id)], worker)

    for n in range(EVENTS):
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
        in_a_lane = n % 2 == 0
        await stores.events.add([event], pending=in_a_lane)
        ways = {"a lane's work": work} if in_a_lane else {"note": note, "look": look}
        for name, way in {**ways, "a person found by id": find}.items():
            took, _ = await timed(lambda way=way, event=event: way(event))
            taken.setdefault(name, []).append(took)
    for name, each in taken.items():
        ordered = sorted(each)
        p50, p99 = ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100]
        print(f"one person after an event, {name}: p50 {spell(p50)}, p99 {spell(p99)}")


async def run(mongod: Mongod, people: int) -> None:
    database = connect(mongod.uri, "bench", patience_ms=10_000)
    await prepare(database)
    stores = Stores.over(database)
    started = time.perf_counter()
    await make(database, people)
    print(f"{people:,} people made in {spell(time.perf_counter() - started)}")
    await one_beside_a_query_by_hand(stores, mongod)
    await twenty_together(stores, mongod)
    await members_one_by_one_and_together(mongod)
    await one_person_anew(stores, await fill(stores, mongod), people)


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder), Profile.QUICK) as mongod,
    ):
        asyncio.run(run(mongod, size_asked(PEOPLE)))


if __name__ == "__main__":
    main()
