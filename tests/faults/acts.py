"""What can be asked of an API about things that run out, and how often the store has it done."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from models.order import Order
from schema.ids import from_global, to_global
from services import (
    buying,
    campaigns,
    codes,
    draws,
    orders,
    points,
    redeeming,
    sequencer,
    settling,
    stocks,
)
from services.claims import Claims
from services.counting import counting_over
from services.groups import Groups
from services.orders import Placing, Till
from tests.faults import shopping
from tests.shop import Shop

RULES = """
event visited { page: text }
promotion first_come { code "SALE"  take 3 USD off cart  limit 5 total  limit 1 per user
  budget 50 USD }
promotion own { codes unique  take 1 USD off cart }
promotion thanks { grant own for 14 days }
promotion bonus { code "BONUS"  award 30 points }
loyalty club { earn 5 points on visited  redeem 100 points for 1 USD }
flash_sale midnight { active from 2026-03-01  sku "A" at 99 USD stock 2  limit 1 per user }
group_buy pack { active from 2026-03-01  sku "B" at 79 USD for 2 people within 1 days stock 4 }
lottery lucky { active from 2026-03-01  enter on visited  enter for 100 points
  limit 1 entries per user
  draw at 2100-01-01T12:00  prize "Phone" quantity 1 }
"""
CANCEL = """mutation ($input: CancelOrderInput!) { cancelOrder(input: $input) {
  order { key status } userErrors { code } } }"""
BUY = """mutation ($input: BuyDrawEntryInput!) { buyDrawEntry(input: $input) {
  receipt { ticket source } pointsLeft userErrors { code message } } }"""
PUBLISH = """mutation ($input: PublishCampaignInput!) { publishCampaign(input: $input) {
  campaign { id status livePublication liveSource } userErrors { code message } } }"""

Answer = dict[str, Any]


@dataclass
class Act:
    """Something to ask, made ready in `prepare`, and how often it is found done in the store."""

    name: str
    query: str
    prepare: Callable[[Shop], Awaitable[Answer]]
    done: Callable[[Shop], Awaitable[list[int]]]


def user(name: str) -> str:
    return to_global("User", name)


async def count(store: Any, **query: Any) -> int:
    return await store.documents.count_documents(query)


async def an_order(shop: Shop) -> Answer:
    batch = await codes.generate(
        "own", 1, stores=shop.stores, rulebook=shop.rulebook, now=shop.clock.now()
    )
    (code,) = [code.code async for code in shop.stores.codes.every("own", batch)]
    claim = (await a_confirmation(shop))["claimId"]
    line = {"sku": "A", "price": "10.00", "quantity": 2, "claim": claim}
    cart = {"currency": "USD", "lines": [line], "codes": ["SALE", code]}
    return {"key": "o1", "userId": user("ann"), "cart": cart, "total": "16.00"}


async def ordered(shop: Shop) -> list[int]:
    counted = await shop.stores.counters.read(["first_come"], "ann")
    return [
        await count(shop.stores.orders, state="placed"),
        counted["first_come"].uses if counted else 0,
        counted["first_come"].money // 300 if counted else 0,
        len(counted["first_come"].times) if counted else 0,
        await count(shop.stores.codes, order={"$exists": True}),
        await count(shop.stores.codes, user="ann"),
        await count(shop.stores.events, name="order_placed"),
        await count(shop.stores.claims, state="sold"),
    ]


async def a_cancellation(shop: Shop) -> Answer:
    wanted = await an_order(shop)
    (line,) = wanted["cart"]["lines"]
    line["@claim"] = from_global("Claim", line.pop("claim"))
    placing = Placing(
        key=wanted["key"], cart=wanted["cart"], total=Decimal(wanted["total"]), user_id="ann"
    )
    till = Till(stores=shop.stores, rulebook=shop.rulebook, jobs=shop.bells, clock=shop.clock)
    placed = await orders.place(placing, till)
    assert isinstance(placed, Order)
    await counting_over(shop.stores).settled()
    return {"id": to_global("Order", placed.id)}


async def cancelled(shop: Shop) -> list[int]:
    counted = (await shop.stores.counters.read(["first_come"], "ann"))["first_come"]
    return [
        await count(shop.stores.orders, state="cancelled"),
        1 - counted.uses,
        1 - len(counted.times),
        1 - await count(shop.stores.codes, order={"$exists": True}),
        await count(shop.stores.codes, revoked_at={"$exists": True}),
        await count(shop.stores.claims, state="released"),
        await count(shop.stores.events, name="order_cancelled"),
    ]


async def a_claim(shop: Shop) -> Answer:
    return {"sale": "midnight", "idempotencyKey": "k", "userId": user("ann")}


async def claimed(shop: Shop) -> list[int]:
    return [await count(shop.stores.claims)]


async def a_confirmation(shop: Shop) -> Answer:
    claim = await Claims(shop.stores, shop.rulebook).claim(
        "midnight", "k", user_id="ann", now=shop.clock.now()
    )
    return {"claimId": to_global("Claim", claim.id), "order": "o1"}


async def confirmed(shop: Shop) -> list[int]:
    return [await count(shop.stores.claims, state="sold", order="o1")]


async def an_opening(shop: Shop) -> Answer:
    return {"groupBuy": "pack", "idempotencyKey": "k", "userId": user("ann")}


async def opened(shop: Shop) -> list[int]:
    return [await count(shop.stores.groups)]


async def a_joining(shop: Shop) -> Answer:
    group = await Groups(shop.stores, shop.rulebook).open(
        "pack", "k", user_id="ann", now=shop.clock.now()
    )
    return {"groupId": to_global("Group", group.id), "userId": user("bob")}


async def joined(shop: Shop) -> list[int]:
    return [await count(shop.stores.groups, state="completed")]


async def a_visit(shop: Shop) -> Answer:
    return {"events": [{"id": "v1", "name": "visited", "user": "ann", "data": {"page": "home"}}]}


async def visited(shop: Shop) -> list[int]:
    return [
        await count(shop.stores.events),
        await count(shop.stores.entries),
        await count(shop.stores.points, reason="earned"),
        int(await balance(shop) == 5),
    ]


async def balance(shop: Shop) -> int:
    return (await shop.stores.users.get("ann")).points


async def give(shop: Shop, amount: int) -> None:
    rules, now = await shop.rulebook.current(), shop.clock.now()
    award = points.Award(key="gift", user_id="ann", points=amount, at=now, rules=rules)
    await points.award(award, stores=shop.stores, current=rules, now=now)


async def an_order_with_points(shop: Shop) -> Answer:
    await give(shop, 300)
    line = {"sku": "A", "price": "10.00", "quantity": 2}
    cart = {"currency": "USD", "lines": [line], "codes": ["BONUS"]}
    return {
        "key": "o1",
        "userId": user("ann"),
        "cart": cart,
        "redeemPoints": 300,
        "total": "17.00",
    }


async def paid(shop: Shop) -> list[int]:
    return [
        await count(shop.stores.orders, state="placed"),
        await count(shop.stores.points, reason="redeemed"),
        await count(shop.stores.points, reason="promotion"),
        int(await balance(shop) == 30),
    ]


async def an_entry(shop: Shop) -> Answer:
    await give(shop, 150)
    now, wall = shop.clock.now(), shop.clock.wall()
    current = await shop.rulebook.current()
    await draws.look_after(current, stores=shop.stores, now=now, wall=wall)
    return {"lottery": "lucky", "idempotencyKey": "k", "userId": user("ann")}


async def bought(shop: Shop) -> list[int]:
    return [
        await count(shop.stores.entries),
        await count(shop.stores.points, reason="entered"),
        int(await balance(shop) == 50),
    ]


async def a_publication(shop: Shop) -> Answer:
    ann, bob = [campaigns.Act(name, shop.clock.now()) for name in ("ann", "bob")]
    source = "promotion spring { take 10% off cart }"
    made = await campaigns.create("Spring", source, ann, stores=shop.stores)
    await campaigns.submit(made.id, ann, stores=shop.stores)
    await campaigns.approve(made.id, bob, stores=shop.stores)
    return {"id": to_global("Campaign", made.id)}


async def published(shop: Shop) -> list[int]:
    await shop.rulebook.refresh()
    current = await shop.rulebook.current()
    return [
        int("spring" in current.program.promotions),
        await count(shop.stores.campaigns, status="running", title="Spring"),
        await count(shop.stores.publications, confirmed=True, _id={"$gt": 1}),
    ]


ACTS = (
    Act("redeem", shopping.PLACE, an_order, ordered),
    Act("cancel", CANCEL, a_cancellation, cancelled),
    Act("claim", shopping.CLAIM, a_claim, claimed),
    Act("confirm", shopping.CONFIRM, a_confirmation, confirmed),
    Act("open", shopping.OPEN, an_opening, opened),
    Act("join", shopping.JOIN, a_joining, joined),
    Act("enter", shopping.INGEST, a_visit, visited),
    Act("pay", shopping.PLACE, an_order_with_points, paid),
    Act("buy", BUY, an_entry, bought),
    Act("publish", PUBLISH, a_publication, published),
)


async def settle(shop: Shop) -> None:
    """Let half a minute pass, and do what the scheduler and workers do meanwhile."""
    shop.clock.business = shop.clock.real = datetime.now(UTC)
    shop.clock.turn(seconds=35)
    # Leases are measured by the server's clock, which cannot be turned.
    await shop.stores.leases.documents.update_many(
        {}, {"$set": {"until": datetime(2000, 1, 1, tzinfo=UTC)}}
    )
    for _ in range(2):
        await settling.sweep(
            stores=shop.stores, rulebook=shop.rulebook, jobs=shop.bells, clock=shop.clock
        )
        await sequencer.care(stores=shop.stores, wall=shop.clock.wall())
        await shop.rulebook.refresh()
        await shop.work()
        now, wall = shop.clock.now(), shop.clock.wall()
        await stocks.look_after(now, stores=shop.stores)
        current = await shop.rulebook.current()
        await points.look_after(stores=shop.stores, current=current, now=now)
        await buying.sweep(stores=shop.stores, current=current, now=now, wall=wall)
        await redeeming.sweep(stores=shop.stores, current=current, now=now, wall=wall)
    head, waiting = await sequencer.read_head(stores=shop.stores), 1
    while waiting:
        head, waiting = await sequencer.step(head, stores=shop.stores, wall=shop.clock.real)
