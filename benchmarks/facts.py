"""What rules see of people: events one by one, or measures by the day.

(a) One person of 1,000 events in 500 days: their facts loaded, and 50 segments judged of them.
(b) A crowd of some events each: how many are in a segment, asked of MongoDB.
(c) The crowd's measures filled.
(d) A day's events worked off in lanes, without measures and with them.

Whether measures are used or not, the answers must be the same.

Run: python benchmarks/facts.py [EVENTS OF EACH]
"""

import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import dsl
from devserver.mongod import Profile, running
from engine.playbook import playbook_of
from models.campaign import Act
from models.event import LANES, Event, lane_of
from models.store import Stores, connect, prepare
from models.user import User
from services import events, facts, fillings, lanes, measures, measuring, releases
from services.jobs import Job
from services.lanes import Lanes
from services.releases import RulesFile
from services.rulebook import Published, Rulebook

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
CROWD = 1_500
OF_EACH = int(sys.argv[1]) if len(sys.argv) > 1 else 60
LIVE = 1_500
# All in six lanes, so that pages are full, as where more comes than can be worked off.
PEOPLE = [name for n in range(CROWD * 11) if lane_of(name := f"p{n}") < 6][:CROWD]
CATEGORIES = ("COFFEE", "TEA", "CHIPS", "CANDY", "BREAD", "SOUP")
DAYS = (30, 60, 90, 180, 365)
CONDITIONS = {
    "often": "count(order_placed, last {d} days) >= 10",
    "large": "count(order_placed where total >= 75 USD, last {d} days) >= 2",
    "spent": "sum(order_placed.total, last {d} days) > {d} USD",
    "mean": "avg(order_placed.total, last {d} days) > 40 USD",
    "quiet": "any(order_placed, ever) and not any(order_placed, last {d} days)",
    "coffee": 'sum(order_placed.items.amount where category = "COFFEE", last {d} days) > {d} USD',
    "tea": 'sum(order_placed.items.amount where category = "TEA", last {d} days) > {d} USD',
    "chips": 'sum(order_placed.items.amount where category = "CHIPS", last {d} days) > {d} USD',
    "critic": "avg(reviewed.stars, last {d} days) < 3",
    "curious": "distinct(reviewed.sku, last {d} days) >= 3",
}
RULES = "event reviewed { sku: text  stars: number }\n" + "\n".join(
    f"segment {name}_{d} {{ {condition.format(d=d)} }}"
    for name, condition in CONDITIONS.items()
    for d in DAYS
)


class NoBells:
    async def ring(self, job: Job, args: Sequence[str]) -> None:
        pass


class Clock:
    def now(self) -> datetime:
        return NOW

    def wall(self) -> datetime:
        return NOW


def some_events(user_id: str, count: int, days: float, chance: random.Random) -> list[Event]:
    found = []
    for n in range(count):
        at = NOW - timedelta(seconds=chance.randrange(int(days * 86_400)))
        if n % 4:
            items = [
                {
                    "sku": f"S{chance.randrange(500)}",
                    "category": chance.choice(CATEGORIES),
                    "quantity": 1,
                    "amount": chance.randrange(100, 2_000),
                }
                for _ in range(5)
            ]
            total = sum(item["amount"] for item in items)
            data = {"order_id": f"{user_id}-{n}", "total": total, "items": items}
            name = "order_placed"
        else:
            name, data = "reviewed", {"sku": f"S{n % 7}", "stars": chance.randint(1, 5)}
        found.append(
            Event(
                id=f"bench|{user_id}-{days}-{n}",
                name=name,
                user_id=user_id,
                at=at,
                received_at=NOW,
                publication=1,
                data=data,
            )
        )
    return found


async def elapsed(work: Callable[[], Awaitable[object]], rounds: int = 15) -> float:
    """Return the median of the seconds that something takes."""
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        await work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


async def one_person(stores: Stores, with_measures: Published) -> None:
    program = with_measures.program
    needs = playbook_of(program).all_needs
    compiler = dsl.Compiler(program)
    judges = [compiler.condition(segment.condition) for segment in program.segments.values()]
    moment = dsl.Moment(NOW, program.zone, program)
    answers: dict[str, list[bool]] = {}
    for what, published in (
        ("events", replace(with_measures, measures=frozenset())),
        ("measures", with_measures),
    ):

        async def load(published: Published = published) -> dict[str, object]:
            loaded = await facts.load(["one"], published, stores=stores, now=NOW, needs=needs)
            return loaded["one"]

        async def judge(
            what: str = what, load: Callable[[], Awaitable[dict[str, object]]] = load
        ) -> None:
            known = await load()
            answers[what] = [holds(known, moment) for holds in judges]

        loading, both = await elapsed(load), await elapsed(judge)
        print(
            f"(a) {what:8}: loaded in {loading * 1e3:.1f} ms, {len(judges)} segments judged"
            f" in {(both - loading) * 1e3:.2f} ms, together {both * 1e3:.1f} ms"
        )
    assert answers["events"] == answers["measures"]
    assert any(answers["events"])
    assert not all(answers["events"])


async def the_crowd(stores: Stores, published: Published) -> None:
    program = published.program
    moment = dsl.Moment(NOW, program.zone, program)
    layout = await measures.layout(dsl.Layout(), stores=stores, now=NOW)
    for name in ("often_90", "coffee_90", "mean_365"):
        condition = program.segments[name].condition
        found = {}
        for what, where in (("lookup", dsl.Layout()), ("measures", layout)):
            stages = dsl.to_mongo(condition, where, moment)

            async def count(what: str = what, stages: list[dict[str, object]] = stages) -> None:
                found[what] = await stores.segments.count(stages)  # noqa: B023 - used at once

            seconds = await elapsed(count, rounds=5)
            print(f"(b) {name}, {what:8}: {found[what]} of {CROWD:,} people in {seconds:.3f} s")
        assert found["lookup"] == found["measures"]


async def work_off(stores: Stores, rulebook: Rulebook, what: str, seed: int) -> None:
    chance = random.Random(seed)
    told = [
        replace(each, id=f"{each.id}-{seed}")
        for n in range(LIVE)
        for each in some_events(chance.choice(PEOPLE), 2, 0.4, chance)[:1]
    ]
    told = [replace(each, id=f"{each.id}-{n}") for n, each in enumerate(told)]
    await stores.events.add(told)
    cpu = time.process_time()
    seconds = await drain(stores, rulebook)
    cpu = time.process_time() - cpu
    assert await stores.events.count_pending() == 0
    print(f"(d) {what}: {LIVE / seconds:,.0f} events/s, {cpu / LIVE * 1e3:.2f} ms of CPU each")


async def drain(stores: Stores, rulebook: Rulebook) -> float:
    """Work off whatever waits, and return how long that took."""
    parts = Lanes(stores=stores, rulebook=rulebook, jobs=NoBells(), clock=Clock())
    started = time.perf_counter()
    for lane in range(LANES):
        await lanes.work([lane], parts)
    return time.perf_counter() - started


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), Profile.DURABLE) as mongod:
        database = connect(mongod.uri, "bench")
        await prepare(database)
        stores, chance = Stores.over(database), random.Random(1)
        people = ["one", *PEOPLE]
        await stores.users.save_many([User(id=each, created_at=NOW) for each in people])
        past = some_events("one", 1_000, 500, chance)
        for each in people[1:]:
            past += some_events(each, OF_EACH, 365, chance)
        await events.bulk_history(past, stores=stores, now=NOW)
        await releases.release([RulesFile("r", "Rules", RULES)], Act("bench", NOW), stores=stores)
        rulebook = Rulebook(stores, fresh=0)
        published = await rulebook.refresh()
        await fillings.work(stores=stores, rulebook=rulebook, clock=Clock())
        await drain(stores, rulebook)  # everybody is new, and looked at once
        await work_off(stores, rulebook, "no measures yet ", 1)
        started = time.perf_counter()
        await measuring.look_after(published, stores=stores, wall=NOW)
        kept = await stores.measures.all()
        print(
            f"(c) {len(kept)} measures of {len(past):,} events of {CROWD + 1:,} people filled in"
            f" {time.perf_counter() - started:.1f} s"
        )
        published = await rulebook.refresh()
        assert len(published.measures) == len(kept)
        await work_off(stores, rulebook, f"with {len(kept)} measures", 2)
        await one_person(stores, published)
        await the_crowd(stores, published)
        size = {"$bsonSize": "$$ROOT"}
        group = {"_id": None, "mean": {"$avg": size}, "most": {"$max": size}}
        (found,) = await database["users"].aggregate([{"$group": group}]).to_list()
        print(
            f"a person takes {found['mean'] / 1e3:.1f} KB, the one of (a) {found['most'] / 1e3:.0f}"
        )
        database.client.close()


if __name__ == "__main__":
    asyncio.run(main())
