"""A grocer's year told as live events: what it leaves equals a clean recomputation.

Journeys are compared with `fanfare simulate`'s pure engine, points with a sum, segments with the
conditions judged on all events, and everything else is verify's.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import dsl
from app.commands.folder import read_templates
from app.importer import tables
from app.importer.load import Plan, load_people
from app.importer.shift import ZONE
from app.importer.tables import Baskets
from app.replay import told
from models.event import Event, IncomingEvent
from models.store import Stores
from models.user import User
from services import lanes, measuring, points, sequencer, templates
from services.facts import user_facts
from services.simulation import PUBLICATION, simulate
from services.verify import verify
from tests.app.conftest import cut_down, reading_from
from tests.shop import Clock, Shop

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
RULES = (EXAMPLES / "groceries.rules").read_text()
CHUNK = 500
STEP = timedelta(hours=5)


def bar(_: str, __: int) -> Any:
    return nullcontext(lambda _: None)


def year() -> Plan:
    return Plan(0, Baskets(0), replay=True)


class Year:
    """A shop in which the data's year happens, from some day on."""

    def __init__(self, shop: Shop, plan: Plan, days: int) -> None:
        self.shop, self.plan = shop, plan
        self.events = plan.told_since(plan.ends - timedelta(days=days))
        self.end = plan.ends + timedelta(days=3)
        self.people: dict[str, User] = {}

    async def prepare(self) -> None:
        shop = self.shop
        shop.clock = Clock(self.events[0].at - timedelta(hours=1), datetime.now(UTC))
        shop.__post_init__()
        workspace = await shop.stores.workspace.get()
        await shop.stores.workspace.edit(version=workspace.version, zone=ZONE.key, currency="USD")
        for template in read_templates(EXAMPLES):
            await templates.save(template, stores=shop.stores, now=shop.clock.now(), by=None)
        await load_people(self.plan, shop.stores, bar)
        self.people = await shop.stores.users.find_many(list(tables.households()))
        await shop.publish(RULES)
        await shop.fill()
        await measuring.look_after(
            await shop.rulebook.current(), stores=shop.stores, wall=shop.clock.wall()
        )

    async def happen(self) -> None:
        """Tell every event when its time comes, and let time pass to the end."""
        for chunk in chunks(self.events):
            await self.pass_to(chunk[0].at)
            self.shop.clock.business = chunk[-1].at
            verdicts = await self.shop.tell(*map(incoming, chunk))
            assert Counter(each.outcome.value for each in verdicts) == {"accepted": len(chunk)}
            await self.work()
        await self.pass_to(self.end)

    async def work(self) -> None:
        """Work on all lanes, rung for by eights as a worker is, and send what is to go."""
        stores, now = self.shop.stores, self.shop.clock.now()
        busy = {
            *await stores.events.pending_lanes(),
            *await stores.runs.due_lanes(now, paused=()),
            *await stores.looks.due_lanes(now),
        }
        packs = [sorted(busy)[place : place + 8] for place in range(0, len(busy), 8)]
        await asyncio.gather(*(lanes.work(pack, self.shop.lanes) for pack in packs))
        await self.shop.deliver()

    async def pass_to(self, until: datetime) -> None:
        """Let time pass, doing what comes due on the way, as a worker that is there would."""
        clock = self.shop.clock
        while clock.business < until:
            clock.business = min(until, clock.business + STEP)
            await self.work()
            await points.look_after(
                stores=self.shop.stores,
                current=await self.shop.rulebook.current(),
                now=clock.now(),
            )

    async def feed(self) -> None:
        head = await sequencer.read_head(stores=self.shop.stores)
        waiting = 1
        while waiting:
            head, waiting = await sequencer.step(
                head, stores=self.shop.stores, wall=self.shop.clock.wall()
            )


def chunks(events: list[Event]) -> Iterator[list[Event]]:
    """Yield events in the pieces that they are told in: within less than what is caught up."""
    chunk: list[Event] = []
    for event in events:
        if chunk and (len(chunk) == CHUNK or event.at - chunk[0].at > STEP):
            yield chunk
            chunk = []
        chunk.append(event)
    yield chunk


def incoming(event: Event) -> IncomingEvent:
    sent = told(event)
    return IncomingEvent(
        id=sent["id"],
        name=sent["name"],
        user=sent["user"],
        source=sent["source"],
        at=event.at,
        data=sent["data"],
    )


async def journeys_stored(stores: Stores) -> dict[str, list[Any]]:
    """Return what each person went through: when each trigger started, and what was done."""
    effects: dict[str, list[Any]] = defaultdict(list)
    async for effect in stores.effects.documents.find().sort("at"):
        effects[effect["run"]].append((effect["kind"], effect["template"], effect["at"]))
    found: dict[str, list[Any]] = defaultdict(list)
    async for run in stores.runs.documents.find().sort([("started_at", 1), ("trigger", 1)]):
        found[run["user"]].append(
            (run["trigger"], run["started_at"], run["reason"], sorted(effects[run["_id"]]))
        )
    return found


async def journeys_expected(year: Year, program: dsl.Program) -> dict[str, list[Any]]:
    """Return the same as the pure engine has it, person by person."""
    by_user: dict[str, list[Event]] = defaultdict(list)
    for event in year.events:
        by_user[event.user_id].append(event)
    found: dict[str, list[Any]] = {}
    for user_id, script in by_user.items():
        facts = {user_id: {"user": user_facts(year.people[user_id]), "events": {}}}
        mine = [as_simulated(event) for event in script]
        account = await simulate(
            program, facts, mine, since=script[0].at - timedelta(hours=1), until=year.end
        )
        runs: dict[tuple[str, int], list[Any]] = {}
        for each in account:
            key = (each.trigger, each.run)
            if each.kind == "started":
                runs[key] = [each.trigger, each.at, "", []]
            elif each.kind == "effect" and each.effect is not None:
                effect = each.effect
                runs[key][3].append((effect.kind.value, effect.template, effect.at))
            elif each.kind == "ended":
                runs[key][2] = each.detail
        if runs:
            found[user_id] = sorted(
                ((t, at, reason, sorted(effects)) for t, at, reason, effects in runs.values()),
                key=lambda run: (run[1], run[0]),
            )
    return found


def as_simulated(event: Event) -> Event:
    at = event.at.replace(microsecond=event.at.microsecond // 1000 * 1000)
    return Event(
        id=event.id,
        name=event.name,
        user_id=event.user_id,
        at=at,
        received_at=at,
        publication=PUBLICATION,
        data=event.data,
    )


def points_expected(year: Year) -> dict[str, int]:
    """Return everybody's points: one for each full dollar of an order, 20 for a coupon.

    Nobody spends any; those of more than 365 days ago have expired.
    """
    found: Counter[str] = Counter()
    for event in year.events:
        if event.at + timedelta(days=365) <= year.end:
            continue
        if event.name == "order_placed":
            found[event.user_id] += event.data["total"] // 100
        elif event.name == "coupon_redeemed":
            found[event.user_id] += 20
    return {user_id: balance for user_id, balance in found.items() if balance}


def members_expected(year: Year, program: dsl.Program) -> dict[str, set[str]]:
    """Return who is in each segment at the end, judged on all that happened."""
    happened: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for event in year.events:
        happened[event.user_id][event.name].append(event.facts())
    moment = dsl.Moment(year.end, program.zone, program)
    return {
        name: {
            user_id
            for user_id, user in year.people.items()
            if dsl.holds(
                segment.condition,
                {"user": user_facts(user), "events": dict(happened[user_id])},
                moment,
            )
        }
        for name, segment in program.segments.items()
    }


async def check(year: Year) -> None:
    stores, program = year.shop.stores, (await year.shop.rulebook.current()).program

    stored = await journeys_stored(stores)
    expected = await journeys_expected(year, program)
    assert stored.keys() == expected.keys()
    for user_id, runs in expected.items():
        assert stored[user_id] == runs, user_id

    balances = {
        user.id: user.points
        for user in (await stores.users.find_many(list(year.people))).values()
        if user.points
    }
    assert balances == points_expected(year)

    standing = await stores.standings.get()
    for name, members in members_expected(year, program).items():
        number = standing.live[name]
        rows = stores.memberships.documents.find({"set": f"{name}|{number}"})
        assert {row["user"] async for row in rows} == members, name

    async for finding in verify(
        stores=stores, now=year.shop.clock.now(), wall=year.shop.clock.wall()
    ):
        assert not finding.problems, (finding.id, finding.problems)


async def tell(shop: Shop, days: int) -> Year:
    happening = Year(shop, year(), days)
    await happening.prepare()
    await happening.happen()
    await happening.feed()
    return happening


async def test_a_day_told_live_equals_a_clean_recomputation(shop, tmp_path):
    with reading_from(cut_down(range(1, 1_001), tmp_path)):
        happened = await tell(shop, days=1)

    assert len(happened.events) > 150
    await check(happened)


async def test_a_season_of_a_few_households_equals_a_clean_recomputation(shop, tmp_path):
    """Long enough for windows of 60 and 90 days to pass, and for clocks to change."""
    few = [14, 117, 254, 495, 2386]
    with reading_from(cut_down(few, tmp_path)):
        happened = await tell(shop, days=100)

    assert {event.user_id for event in happened.events} == set(map(tables.user_id, few))
    await check(happened)


@pytest.mark.long
async def test_the_whole_year_told_live_equals_a_clean_recomputation(shop):
    happened = await tell(shop, days=365)

    orders = sum(event.name == "order_placed" for event in happened.events)
    assert orders == 155_848
    await check(happened)
