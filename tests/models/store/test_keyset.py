"""Lists in pages: whole and in order however one walks, and read from an index."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import product
from typing import Any, TypeAlias

import pytest
from pymongo import monitoring

from models import campaign as campaigns
from models import order as orders
from models import user as users
from models.campaign import Act, Campaign, Status
from models.delivery import Delivery, DeliveryState, delivery_id
from models.feed import FeedEntry
from models.order import Order, OrderState
from models.paging import EVER, Page, Sorting, Span, Window
from models.principal import Role
from models.quote import Quote, QuoteLine, ShippingQuote
from models.store import Database, Stores, connect
from models.user import User

DAY = datetime(2026, 11, 20, tzinfo=UTC)
SPANS = (EVER, Span(DAY, DAY + timedelta(hours=4)))
Ask: TypeAlias = Callable[[Window], Awaitable[Page[Any]]]


def at(place: int) -> datetime:
    """Return a time that several share."""
    return DAY + timedelta(hours=place // 4)


class Finds(monitoring.CommandListener):
    """Writes down what is asked of collections."""

    def __init__(self) -> None:
        self.commands: list[dict[str, Any]] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command_name == "find":
            names = ("find", "filter", "sort", "limit", "projection")
            self.commands.append({n: event.command[n] for n in names if n in event.command})

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass


@pytest.fixture(scope="module")
def finds() -> Finds:
    finds = Finds()
    monitoring.register(finds)
    return finds


@pytest.fixture
async def stores(database: Database, mongodb_uri: str, finds: Finds) -> AsyncIterator[Stores]:
    """Stores with sixty people, campaigns, orders and deliveries; what they are asked is noted."""
    listened = connect(mongodb_uri, database.name, patience_ms=60_000)
    stores = Stores.over(listened)
    await stores.users.save_many([person(n) for n in range(60)])
    for n in range(60):
        await stores.campaigns.add(campaign(n))
    await stores.orders.commit_many([order(n) for n in range(60)])
    await stores.orders.void("o99", "lost")
    await stores.deliveries.add([delivery(n) for n in range(60)])
    finds.commands.clear()
    yield stores
    listened.client.close()


def person(n: int) -> User:
    roles = {Role.CUSTOMER, Role.ANALYST} if n % 2 else {Role.CUSTOMER}
    return User(id=f"u{n:02}", created_at=at(n * 7 % 60), roles=frozenset(roles))


def campaign(n: int) -> Campaign:
    draft = Campaign.draft(f"c{n:02}", "C", "", Act("max", at(n)))
    status = Status.PAUSED if n % 3 else Status.DRAFT
    return replace(draft, status=status, updated_at=at(n * 7 % 60))


def order(n: int) -> Order:
    line = QuoteLine(f"s{n % 3}", 1, 100, 0, ())
    return Order(
        id=f"o{n:02}",
        attempt="a",
        fingerprint="",
        placed_at=at(n * 7 % 60),
        publication=1,
        quote=Quote("USD", (line,), ShippingQuote(0), 0, ()),
        items=(),
        takings=(),
        user_id=f"u{n % 2}",
        state=OrderState.CANCELLED if n % 4 == 0 else OrderState.PLACED,
    )


def delivery(n: int) -> Delivery:
    entry = FeedEntry(f"e{n}", "message.sent", at(n))
    state = DeliveryState.FAILED if n % 5 == 0 else DeliveryState.DELIVERED
    return Delivery(
        id=delivery_id("w", n), webhook="w", seq=n, entry=entry, made_at=at(n), state=state
    )


def lists(stores: Stores) -> Iterator[tuple[Ask, tuple[str, ...]]]:
    """Yield every list as it can be filtered, with what it can then be sorted by."""
    for role, span in product((None, Role.ANALYST), SPANS):
        people = users.Which(role=role, created=span)
        by = ("created_at",) if span.since else ("id", "created_at")
        yield partial(stores.users.page, which=people), by
    for status, span in product((None, Status.DRAFT), SPANS):
        wanted = campaigns.Which(status=status, updated=span)
        by = ("updated_at",) if span.since else ("id", "updated_at")
        yield partial(stores.campaigns.page, which=wanted), by
    for user, sku, state, span in product((None, "u1"), (None, "s2"), (None, *OrderState), SPANS):
        bought = orders.Which(user_id=user, sku=sku, state=state, placed=span)
        yield partial(stores.orders.page, which=bought), ("placed_at",)
    for kind in (None, DeliveryState.FAILED):
        yield partial(stores.deliveries.page, webhook="w", state=kind), ("id",)
    for user, span in product((None, "u1"), SPANS):
        yield partial(stores.effects.messages, user_id=user, created=span), ("at",)


async def walked(ask: Ask, sorting: Sorting | None, *, backward: bool) -> list[Any]:
    """Return a whole list, read in pages of seven from one of its ends."""
    found: list[Any] = []
    window = Window(7, None, backward, sorting)
    while True:
        page = await ask(window)
        found = [*page.items, *found] if backward else [*found, *page.items]
        if not page.more:
            return found
        last = page.items[0 if backward else -1]
        times = {
            name: getattr(last, name, None) for name in ("created_at", "updated_at", "placed_at")
        }
        window = replace(window, start=window.position(last.id, **times))


async def test_every_list_is_whole_and_sorted_from_both_ends(stores: Stores) -> None:
    for ask, names in lists(stores):
        whole = {each.id for each in (await ask(Window(100))).items}
        for by, descending in product(names, (False, True)):
            sorting = Sorting(by, descending)

            forward = await walked(ask, sorting, backward=False)

            places = [(getattr(each, by), each.id) for each in forward]
            assert places == sorted(places, reverse=descending)
            assert len(places) == len(whole)
            assert {each.id for each in forward} == whole
            assert await walked(ask, sorting, backward=True) == forward


async def test_no_list_is_sorted_or_searched_through_in_the_database(
    stores: Stores, finds: Finds
) -> None:
    for ask, names in lists(stores):
        for by, descending, backward in product(names, (False, True), (False, True)):
            sorting = Sorting(by, descending)
            start = ("u30",) if sorting.width == 1 else (at(30).isoformat(), "o30")
            await ask(Window(7, None, backward, sorting))
            await ask(Window(7, start, backward, sorting))
    asked = list(finds.commands)

    slow = []
    for command in asked:
        explained = await stores.users.database.command(
            "explain", command, verbosity="queryPlanner"
        )
        if {"SORT", "COLLSCAN"} & {*stages(explained["queryPlanner"]["winningPlan"])}:
            slow.append(command)

    assert len(asked) > 100
    assert slow == []


def stages(plan: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a plan is made of."""
    yield plan["stage"]
    inner = [plan[name] for name in ("inputStage", "outerStage", "innerStage") if name in plan]
    for each in [*inner, *plan.get("inputStages", ())]:
        yield from stages(each)


async def test_what_is_void_is_no_order(stores: Stores) -> None:
    listed = [each.id for each in (await stores.orders.page(Window(100))).items]

    assert len(listed) == await stores.orders.count() == 60
    assert "o99" not in listed
