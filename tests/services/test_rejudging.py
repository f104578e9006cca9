"""Whatever happens, in whatever order: members that are kept are those that the rules give."""

from datetime import date, timedelta
from random import Random

import pytest

from models.event import Event
from models.user import Consent
from services import fillings, measuring
from services.events import bulk_history
from services.rejudging import rejudge
from tests.shop import NOW, event, undisputed

DECLARED = """
event order_placed { order_id: text  total: money USD }
event review_posted { sku: text  stars: number }
attributes user { size: number  joined: date }
loyalty club { earn 1 point per 1 USD of order_placed.total }
"""
SEGMENTS = (
    "segment many { count(order_placed, last %d days) >= 2 }",
    "segment dear { sum(order_placed.total, this month) > %d USD }",
    "segment rated { avg(review_posted.stars where stars > 1, last %d weeks) >= 3 }",
    "segment families { user.size >= %d }",
    "segment jubilee { days_until(user.birthday) <= %d }",
    "segment grown { years_since(user.birthday) >= 1%d and user.consent.email = true }",
    "segment fresh { days_since(user.joined) <= %d }",
    'segment odd { lower(user.name) ends with "%d" or user.tags contains "vip" }',
    "segment savers { user.points >= %d0 }",
    "segment all_of_it { user in segment many and user not in segment families or %d = 0 }",
    "segment first { earliest(order_placed.total, since 2026-02-%02d) > 10 USD }",
)
TRIGGERS = """
trigger t { on review_posted where stars > 4  then { tag "vip"  set user.size to 5 } }
trigger u { when user leaves segment families  limit 1 per user  then { untag "vip" } }
"""
ZONES = ("America/New_York", "UTC", "Pacific/Kiritimati")


class Life:
    """What happens to a shop, drawn at random."""

    def __init__(self, shop, seed):
        self.shop = shop
        self.random = Random(seed)
        self.people = []
        self.told = []

    async def go(self, steps):
        await self.publish()
        for _ in range(steps):
            happening = self.random.choice(
                (
                    self.order,
                    self.order,
                    self.review,
                    self.again,
                    self.history,
                    self.edit,
                    self.join,
                    self.pass_time,
                    self.pass_time,
                    self.work,
                    self.fill_a_little,
                    self.fill_a_little,
                    self.measure,
                    self.publish if self.random.random() < 0.5 else self.work,
                )
            )
            await happening()

    async def settle(self):
        for _ in range(3):
            await self.shop.fill()
            await fillings.look_after(
                stores=self.shop.stores, rulebook=self.shop.rulebook, jobs=self.shop.bells
            )
            await self.shop.work()

    def someone(self):
        return self.random.choice(self.people)

    async def join(self):
        name = f"p{len(self.people)}"
        self.people.append(name)
        born = date(2026, 3, 2) - timedelta(days=self.random.randrange(4000, 8000))
        await self.shop.person(
            name,
            birthday=self.random.choice((None, born)),
            attributes={"size": self.random.randrange(7)},
            consent=Consent(email=self.random.random() < 0.7),
        )

    async def publish(self):
        if not self.people:
            for _ in range(4):
                await self.join()
        segments = [each % self.random.randrange(1, 9) for each in SEGMENTS[:9]]
        last = self.random.sample(SEGMENTS[9:], self.random.randrange(3))
        segments += [each % self.random.randrange(1, 9) for each in last]
        if self.random.random() < 0.2:
            workspace = await self.shop.stores.workspace.get()
            await self.shop.stores.workspace.edit(
                version=workspace.version, zone=self.random.choice(ZONES)
            )
        await self.shop.publish(DECLARED + "\n".join(segments) + TRIGGERS)

    def at(self):
        hours = self.random.choice((-0.05, 0, 0, 1, 5, 30, 24 * 9, 24 * 40))
        return self.shop.clock.now() - timedelta(hours=hours)

    async def tell(self, *events):
        self.told += events
        await self.shop.tell(*self.random.sample(events, len(events)))

    async def order(self):
        keys = [f"o{len(self.told) + n}" for n in range(self.random.randrange(1, 4))]
        await self.tell(
            *(
                event(
                    "order_placed",
                    key,
                    self.someone(),
                    at=self.at(),
                    order_id=key,
                    total=str(self.random.randrange(1, 20)),
                    items=[],
                )
                for key in keys
            )
        )

    async def review(self):
        await self.tell(
            event(
                "review_posted",
                f"r{len(self.told)}",
                self.someone(),
                at=self.at(),
                sku="A",
                stars=self.random.randrange(6),
            )
        )

    async def again(self):
        if self.told:
            await self.shop.tell(*self.random.choices(self.told, k=2))

    async def history(self):
        at = self.at()
        await bulk_history(
            [
                Event(
                    id=f"past|{len(self.told)}|{self.random.random()}",
                    name="review_posted",
                    user_id=self.someone(),
                    at=min(at, self.shop.clock.now()),
                    received_at=self.shop.clock.now(),
                    publication=1,
                    data={"sku": "A", "stars": self.random.randrange(6)},
                )
            ],
            stores=self.shop.stores,
            now=self.shop.clock.wall(),
        )

    async def edit(self):
        who = await self.shop.stores.users.get(self.someone())
        change = self.random.choice(
            (
                {"attributes.size": self.random.randrange(7)},
                {"birthday": NOW.date() - timedelta(days=self.random.randrange(4000, 8000))},
                {"attributes.joined": (self.shop.clock.now().date()).isoformat()},
                {"consent.email": self.random.random() < 0.5},
                {"name": f"N{self.random.randrange(9)}"},
            )
        )
        await self.shop.stores.users.edit(who.id, change, version=who.version)

    async def pass_time(self):
        self.shop.clock.turn(hours=self.random.choice((0.2, 3, 11, 24, 24 * 6)))

    async def measure(self):
        await measuring.look_after(
            await self.shop.rulebook.refresh(),
            stores=self.shop.stores,
            wall=self.shop.clock.wall(),
        )
        await self.shop.rulebook.refresh()

    async def work(self):
        await self.shop.work()

    async def fill_a_little(self):
        await fillings.step(
            undisputed,
            stores=self.shop.stores,
            rulebook=self.shop.rulebook,
            now=self.shop.clock.now(),
        )


async def live(shop, seed, steps):
    life = Life(shop, seed)
    await life.go(steps)
    await life.settle()
    looked_at, problems = await rejudge(
        stores=shop.stores, rulebook=shop.rulebook, now=shop.clock.now()
    )

    assert problems == []
    assert looked_at.startswith(f"{len(life.people)} people")
    assert await shop.stores.looks.due_lanes(shop.clock.now()) == []


@pytest.mark.parametrize("seed", range(6))
async def test_members_are_those_that_the_rules_give(shop, seed, monkeypatch):
    monkeypatch.setattr(fillings, "PAGE_IN_PYTHON", 3)

    await live(shop, seed, steps=20)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 300))
async def test_members_are_those_that_the_rules_give_in_long_lives(shop, seed, monkeypatch):
    monkeypatch.setattr(fillings, "PAGE_IN_PYTHON", 2)

    await live(shop, seed, steps=80)


async def test_a_member_too_many_and_one_too_few_are_found(shop):
    await shop.person("ann", attributes={"size": 5})
    await shop.person("bob", attributes={"size": 1})
    await shop.publish(DECLARED + SEGMENTS[3] % 3)
    await shop.fill()
    await shop.work()
    documents = shop.stores.memberships.documents
    kept = await documents.find_one()
    await documents.delete_one({"_id": kept["_id"]})
    other = kept["_id"].replace("ann", "bob")
    await documents.insert_one({**kept, "_id": other, "user": "bob"})

    _, problems = await rejudge(stores=shop.stores, rulebook=shop.rulebook, now=shop.clock.now())

    assert problems == [
        "ann is in families and is not kept there",
        "bob is kept in families and is not in it",
    ]
