"""The import itself: idempotent, and going on where it was cut short."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar

from app.importer import tables
from app.importer.carts import Cart, carts
from app.importer.people import complete
from app.importer.shift import LAST_DAY, ZONE, midnight, weeks_until
from app.importer.tables import Basket, Baskets, PastCampaign, Redemption
from models.campaign import Act, Campaign, Status, Transition
from models.event import Event
from models.store import Stores
from services.events import bulk_history

NAME = "completejourney"
SEED = 2017
# Carts are kept for less long than orders, as a shop would.
CART_DAYS = 28
_BATCH = 1_000

T = TypeVar("T")
Bar = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]


@dataclass(frozen=True, slots=True)
class Plan:
    """Where the data's year lies now, and which part of it is replayed rather than imported."""

    weeks: int
    baskets: Baskets
    replay: bool

    @property
    def last_day(self) -> date:
        return LAST_DAY + timedelta(weeks=self.weeks)

    @property
    def replay_starts(self) -> datetime:
        """The first instant of the data's last week."""
        return midnight(self.last_day - timedelta(days=6)).astimezone(UTC)

    @property
    def ends(self) -> datetime:
        """The instant after the data's last day."""
        return midnight(self.last_day + timedelta(days=1)).astimezone(UTC)

    @property
    def history(self) -> int:
        """How many baskets are imported, the oldest first."""
        return self.baskets.before(self.imported_until)

    @property
    def imported_until(self) -> datetime:
        """The instant from which on nothing is imported."""
        return self.replay_starts if self.replay else self.ends

    def replayed(self) -> list[Event]:
        """Return what happened in the last week, in order: carts, orders, coupons."""
        return self.told_since(self.replay_starts)

    def told_since(self, start: datetime) -> list[Event]:
        """Return what happened from an instant to the end, in order: carts, orders, coupons."""
        # Carts are left up to three days after the basket they are made of.
        first = self.baskets.before(start - timedelta(days=4))
        baskets = [each for part in self.baskets.slices(first, len(self.baskets)) for each in part]
        coupons = tables.redemptions()
        events = [_ordered(basket, start) for basket in baskets]
        events += [_filled(cart, start) for cart in carts(baskets, until=self.ends, seed=SEED)]
        events += [_redeemed(redemption, self.weeks, start) for redemption in coupons]
        return sorted(
            (event for event in events if start <= event.at < self.ends),
            key=lambda event: (event.at, event.id),
        )


async def plan(stores: Stores, *, now: datetime, replay: bool) -> Plan:
    """Decide where the year goes. Once begun, an import keeps to what was decided then."""
    notes = await stores.progress.begin(
        NAME, weeks=weeks_until(now), replay=replay, baskets=0, done=False
    )
    return Plan(notes["weeks"], Baskets(notes["weeks"]), notes["replay"])


async def is_done(stores: Stores) -> bool:
    """Whether everything has been imported."""
    notes = await stores.progress.find(NAME)
    return notes is not None and bool(notes["done"])


async def run(plan: Plan, stores: Stores, *, now: datetime, bar: Bar) -> None:
    """Import whatever is not there yet."""
    workspace = await stores.workspace.get()
    if workspace.zone != ZONE.key:
        await stores.workspace.edit(version=workspace.version, zone=ZONE.key, currency="USD")
    await load_people(plan, stores, bar)
    await _load_catalogue(stores, bar)
    await _load_campaigns(plan, stores, now=now)
    await _load_history(plan, stores, now=now, bar=bar)
    await stores.progress.note(NAME, done=True)


async def load_people(plan: Plan, stores: Stores, bar: Bar) -> None:
    known = tables.households()
    since = plan.baskets.first_visits()
    people = [
        complete(user_id, attributes, since=since[user_id], today=plan.last_day, seed=SEED)
        for user_id, attributes in known.items()
    ]
    with bar("Households", len(people)) as advance:
        for batch in _batches(people):
            await stores.users.save_many(batch)
            await stores.identities.settle_many(
                {user.email: user.id for user in batch if user.email}
            )
            advance(len(batch))


async def _load_catalogue(stores: Stores, bar: Bar) -> None:
    products, coupons = list(tables.products().values()), tables.coupons()
    with bar("Products", len(products)) as advance:
        for batch in _batches(products):
            await stores.products.save_many(batch)
            advance(len(batch))
    for page in _batches(coupons):
        await stores.coupons.save_many(page)


async def _load_campaigns(plan: Plan, stores: Stores, *, now: datetime) -> None:
    """Keep the year's campaigns for the record, and who redeemed their coupons."""
    past = tables.past_campaigns()
    there = await stores.campaigns.find_many([campaign.id for campaign in past])
    for campaign in past:
        if campaign.id not in there:
            await stores.campaigns.add(_campaign(campaign, plan))
    redeemed = [
        _redeemed(redemption, plan.weeks, now)
        for redemption in tables.redemptions()
        if noon(redemption.day, plan.weeks) < plan.imported_until
    ]
    await bulk_history(redeemed, stores=stores, now=now)


async def _load_history(plan: Plan, stores: Stores, *, now: datetime, bar: Bar) -> None:
    notes = await stores.progress.find(NAME)
    assert notes is not None
    done, last = int(notes["baskets"]), plan.history
    until = plan.imported_until
    with bar("Baskets", last) as advance:
        advance(done)
        for baskets in plan.baskets.slices(done, last):
            events = [_ordered(basket, now) for basket in baskets]
            if baskets[-1].at > until - timedelta(days=CART_DAYS):
                events += [_filled(cart, now) for cart in carts(baskets, until=until, seed=SEED)]
            await bulk_history(events, stores=stores, now=now, chunk=_BATCH)
            done += len(baskets)
            # Only now: what is written twice after a crash is a duplicate key, and no harm.
            await stores.progress.note(NAME, baskets=done)
            advance(len(baskets))


def _ordered(basket: Basket, now: datetime) -> Event:
    data = {
        "order_id": basket.id,
        "store": basket.store,
        "total": basket.total,
        "coupon_discount": basket.coupon_discount,
        "items": basket.items,
    }
    return _event(basket.id, "order_placed", basket.user_id, basket.at, data, now)


def _filled(cart: Cart, now: datetime) -> Event:
    data = {"total": cart.total, "items": cart.items}
    return _event(cart.id, "cart_updated", cart.user_id, cart.at, data, now, synthetic=True)


def _redeemed(redemption: Redemption, weeks: int, now: datetime) -> Event:
    key = f"{redemption.campaign_id}-{redemption.code}-{redemption.user_id}-{redemption.day}"
    data = {"code": redemption.code, "campaign": redemption.campaign_id}
    at = noon(redemption.day, weeks)
    return _event(f"{key}-{redemption.times}", "coupon_redeemed", redemption.user_id, at, data, now)


def _event(
    id: str,
    name: str,
    user_id: str,
    at: datetime,
    data: dict[str, Any],
    now: datetime,
    *,
    synthetic: bool = False,
) -> Event:
    return Event(
        id=f"{NAME}|{id}",
        name=name,
        user_id=user_id,
        at=at,
        received_at=now,
        publication=0,
        data=data,
        synthetic=synthetic,
    )


def _campaign(past: PastCampaign, plan: Plan) -> Campaign:
    """Return a campaign of the data as one that is put away: it has no rules to run."""
    starts, ends = noon(past.starts, plan.weeks), noon(past.ends, plan.weeks)
    begun = Transition("started", Status.APPROVED, Status.RUNNING, Act(NAME, starts))
    over = Transition("archived", Status.ENDED, Status.ARCHIVED, Act(NAME, min(ends, plan.ends)))
    return Campaign(
        id=past.id,
        title=f"{past.kind}, number {past.id.rpartition('-')[2]}",
        source="",
        author=NAME,
        created_at=starts,
        updated_at=min(ends, plan.ends),
        goal=f"Coupons by mail to {past.households} households, {starts.date()} to {ends.date()}.",
        status=Status.ARCHIVED,
        history=(begun, over),
    )


def noon(day: date, weeks: int) -> datetime:
    """Return an instant for what the data knows only the day of."""
    return datetime.combine(day + timedelta(weeks=weeks), time(12), ZONE).astimezone(UTC)


def _batches(things: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(things), _BATCH):
        yield things[start : start + _BATCH]
