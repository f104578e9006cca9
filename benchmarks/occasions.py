"""A trigger by the clock over a million people: how long until everybody's run is planned.

A mongod whose majority writes are journalled; the scheduler's look and a worker's work on an
occurrence, in this process. Three triggers at nine o'clock: for those whose birthday it is, by each
person's own clock; for those who agreed to e-mail, at one instant; and one whose audience the
database cannot tell, so that people are judged here. Lanes start the runs then, as timers.py
measures. Takes 0.7 GB of disk, which are removed.

Run: python benchmarks/occasions.py [PEOPLE]
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from _measure import cpu_of, size_asked, spell

from devserver.mongod import Mongod, Profile, running
from models.campaign import Act
from models.event import lane_of
from models.store import Database, Stores, connect, prepare
from services import occurrences
from services.occurrences import Ahead, Occasions
from services.releases import RulesFile, release
from services.rulebook import Rulebook

PEOPLE = 1_000_000
MIDNIGHT = datetime(2026, 3, 5, tzinfo=UTC)
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Sydney", None)
RULES = """
trigger birthday {
  every day at 09:00 in user timezone  for days_until(user.birthday) = 0  then { tag "b" }
}
trigger newsletter { every day at 09:00  for user.consent.email = true  then { tag "n" } }
trigger judged {
  every day at 09:00  for lower(user.name) ends with "00"  then { tag "j" }
}
"""


@dataclass
class Clock:
    at: datetime = MIDNIGHT

    def now(self) -> datetime:
        return self.at

    def wall(self) -> datetime:
        return datetime.now(UTC)


class Bells:
    async def ring(self, job: Any, args: Sequence[str]) -> None:
        pass


def person(number: int, chance: Random) -> dict[str, Any]:
    key = f"u{number:07}"
    born = f"{datetime(1950, 1, 1) + timedelta(days=chance.randrange(20_000)):%Y-%m-%d}"  # noqa: DTZ001 a date
    return {
        "_id": key,
        "lane": lane_of(key),
        "email": f"{key}@example.test",
        "name": key,
        "timezone": chance.choice(ZONES),
        "birthday": born,
        "birthday_day": born[5:],
        "tags": [],
        "consent": {"email": chance.random() < 0.6, "sms": False, "push": False},
        "attributes": {},
        "points": 0,
        "roles": ["customer"],
        "created_at": MIDNIGHT - timedelta(days=400),
        "version": 1,
        "recheck": {"at": datetime(9999, 1, 1, tzinfo=UTC)},
    }


async def make(database: Database, people: int) -> None:
    chance = Random(2026)
    for start in range(0, people, 10_000):
        batch = [person(n, chance) for n in range(start, min(start + 10_000, people))]
        await database["users"].insert_many(batch, ordered=False)


async def run(mongod: Mongod, people: int) -> None:
    database = connect(mongod.uri, "bench", patience_ms=10_000)
    await prepare(database)
    stores, clock = Stores.over(database), Clock()
    started = time.perf_counter()
    await make(database, people)
    print(f"{people:,} people made in {spell(time.perf_counter() - started)}")
    source = RulesFile("rules", "Rules", RULES)
    await release([source], Act("bench", clock.now()), stores=stores)
    rulebook = Rulebook(stores)
    published = await rulebook.refresh()
    started = time.perf_counter()
    await occurrences.plan_ahead(
        Ahead(), published, stores=stores, now=clock.now(), wall=clock.wall()
    )
    print(f"planned ahead in {spell(time.perf_counter() - started)}")
    looks = []
    for _ in range(200):
        started = time.perf_counter()
        await occurrences.ring_due(published, stores=stores, jobs=Bells(), clock=clock)
        looks.append(time.perf_counter() - started)
    print(f"a look whether anything is due: p50 {spell(sorted(looks)[100])}")
    clock.at = MIDNIGHT + timedelta(days=1)
    means = Occasions(stores=stores, rulebook=rulebook, jobs=Bells(), clock=clock)
    for trigger in published.program.triggers:
        await carry_out(trigger, means, mongod)


async def carry_out(trigger: str, means: Occasions, mongod: Mongod) -> None:
    """Do all of a trigger's occurrences that have come due, and tell how long that takes."""
    stores, clock = means.stores, means.clock
    planned = await stores.occurrences.planned()
    # Late by at most six hours, else it is missed: each is done at its own time.
    due = sorted((each.at, each.id) for each in planned if each.trigger == trigger)
    elapsed = work = theirs = 0.0
    for at, occurrence in due:
        clock.at = at  # type: ignore[attr-defined]
        started, began, before = (
            time.perf_counter(),
            time.process_time(),
            cpu_of(mongod.process.pid),
        )
        await occurrences.work(occurrence, means)
        elapsed += time.perf_counter() - started
        work += time.process_time() - began
        theirs += cpu_of(mongod.process.pid) - before
    runs = await stores.runs.documents.count_documents({"trigger": trigger})
    print(
        f"{trigger}: {len(due)} occurrences, {runs:,} runs planned in {spell(elapsed)},"
        f" {work:.1f} s of the worker's CPU, {theirs:.1f} s of mongod's"
    )


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder), Profile.DURABLE) as mongod,
    ):
        asyncio.run(run(mongod, size_asked(PEOPLE)))


if __name__ == "__main__":
    main()
