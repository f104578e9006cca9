"""Orders and events from files: facts that are counted and start nothing."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from models.errors import Conflict, Invalid
from models.order import OrderState
from models.paging import Window
from services import orders, returns, sequencer
from services.orders import Placing, Till
from services.returns import Sent
from services.verify import verify
from tests.files import counts, refusals, refused, take_in
from tests.shop import event
from tests.staging import once

RULES = """
segment regulars { count(order_placed, ever) >= 2 }
trigger thanks { on order_placed then { send email "thanks" } }
trigger welcome { when user enters segment regulars then { send email "thanks" } }
loyalty club { earn 1 point per 1 USD of order_placed.total }
lottery lucky {
  active from 2020-01-01 to 2027-01-01
  enter on order_placed
  draw at 2027-02-01T12:00
  prize "Phone" quantity 1
}
event rated { stars: number }
"""
MAPPING = {
    "orderId": "Order",
    "user": "Customer",
    "placedAt": {"column": "Date", "format": "%d/%m/%Y %H:%M"},
    "total": {"column": "Total", "decimal": ","},
    "cancelledAt": "Cancelled",
    "item.sku": "SKU",
    "item.quantity": "Qty",
    "item.amount": {"column": "Amount", "decimal": ","},
}
FILE = """Order;Customer;Date;Total;Cancelled;SKU;Qty;Amount
A1;7;28/02/2026 10:00;1.012,50;;X;2;1.000,00
A1;7;28/02/2026 10:00;1.012,50;;Y;1;12,50
A2;7;01/03/2026 11:00;20,00;2026-03-02T08:00:00Z;X;1;20,00
"""


@pytest.fixture
@once
async def ann(shop):
    await shop.template("thanks")
    await shop.publish(RULES)
    await shop.fill()
    await shop.person("ann")
    await shop.stores.identities.link_external("7", "ann")


async def told(shop):
    return {document["_id"]: document async for document in shop.stores.events.documents.find()}


async def points(shop):
    account = (await shop.stores.accounts.find_many(["ann"])).get("ann")
    return account.balance if account else 0


async def test_an_order_has_a_row_for_each_line_and_is_told_as_it_was(shop, ann):
    job = await take_in(shop, "orders", FILE, mapping=MAPPING)

    assert counts(job) == (3, 0, 0, 0), await refusals(shop, job)
    found = await told(shop)
    assert set(found) == {"order_placed|A1", "order_placed|A2", "order_cancelled|A2"}
    first = found["order_placed|A1"]
    assert (first["user"], first["at"]) == ("ann", datetime(2026, 2, 28, 10, tzinfo=UTC))
    assert first["data"] == {
        "order_id": "A1",
        "total": 101250,
        "items": [
            {"sku": "X", "quantity": 2, "amount": 100000},
            {"sku": "Y", "quantity": 1, "amount": 1250},
        ],
    }


async def test_orders_can_be_imported_before_any_rules_are_live(shop):
    await shop.person("ann")
    await shop.stores.identities.link_external("7", "ann")

    job = await take_in(shop, "orders", FILE, mapping=MAPPING)
    await shop.work()

    assert counts(job) == (3, 0, 0, 0), await refusals(shop, job)
    assert "order_placed|A1" in await told(shop)
    assert await shop.stores.events.documents.count_documents({"pending": True}) == 0


async def test_they_are_counted_and_start_no_journey_earn_nothing_and_enter_nothing(shop, ann):
    await take_in(shop, "orders", FILE, mapping=MAPPING)
    await shop.work()

    assert await shop.members("regulars") == {"ann": "import"}
    assert await shop.stores.runs.documents.count_documents({}) == 0
    assert await shop.stores.entries.documents.count_documents({}) == 0
    assert await points(shop) == 0


async def test_points_are_earned_and_taken_back_where_that_is_asked_for_and_once(shop, ann):
    await take_in(shop, "orders", FILE, mapping=MAPPING, points=True)
    await take_in(shop, "orders", FILE, mapping=MAPPING, points=True)

    assert await points(shop) == 1012
    assert await shop.stores.runs.documents.count_documents({}) == 0


async def test_an_order_that_is_known_is_not_told_again_by_whatever_way(shop, ann):
    await take_in(shop, "orders", FILE, mapping=MAPPING)

    (verdict,) = await shop.tell(event("order_placed", "other", order_id="A1", items=[]))
    job = await take_in(shop, "orders", FILE, mapping=MAPPING)

    assert verdict.outcome.value == "duplicate"
    assert counts(job) == (0, 0, 3, 0)
    assert len(await told(shop)) == 3


async def test_of_an_order_that_is_wrong_somewhere_nothing_is_taken(shop, ann):
    file = """orderId,user,placedAt,total,item.sku,item.quantity
B1,7,2026-02-01T10:00:00Z,5.00,X,1
B1,7,2026-02-01T10:00:00Z,5.00,Y,lots
B2,8,2026-02-01T10:00:00Z,5.00,X,1
B3,7,2026-02-01T10:00:00Z,5.00,X,1
B3,7,2026-02-01T10:00:00Z,6.00,X,1
B4,7,2026-02-01T10:00:00Z,5.005,X,1
B5,7,2027-02-01T10:00:00Z,5.00,X,1
B6,7,2026-02-01T10:00:00Z,5.00,X,1
"""

    job = await take_in(shop, "orders", file)

    assert await refused(shop, job) == [
        (2, "item.quantity", "INVALID"),
        (3, "item.quantity", "INVALID"),
        (4, "user", "UNKNOWN_USER"),
        (5, "total", "ORDER"),
        (6, "total", "ORDER"),
        (7, "total", "INVALID"),
        (8, "placedAt", "INVALID"),
    ]
    assert set(await told(shop)) == {"order_placed|B6"}


async def test_a_row_that_cannot_be_read_takes_its_neighbours_along(shop, ann):
    file = """orderId,user,placedAt,item.sku
C1,7,2026-02-01T10:00:00Z,X
C1,7,2026-02-01T10:00:00Z,Y,too many
C2,7,2026-02-01T10:00:00Z,X
C3,7,2026-02-01T10:00:00Z,X
"""

    job = await take_in(shop, "orders", file)

    assert await refused(shop, job) == [(2, "", "ORDER"), (3, "", "COLUMNS"), (4, "", "ORDER")]
    assert set(await told(shop)) == {"order_placed|C3"}


async def test_an_order_is_not_cut_in_two_where_a_page_ends(shop, ann):
    head = "orderId,user,placedAt,item.sku\n"
    rows = [f"D{n // 3},7,2026-02-01T10:00:00Z,{n}\n" for n in range(1_201)]

    job = await take_in(shop, "orders", head + "".join(rows))

    assert counts(job) == (1_201, 0, 0, 0)
    lengths = [len(each["data"]["items"]) for each in (await told(shop)).values()]
    assert sorted(lengths) == [1, *[3] * 400]


async def test_events_are_taken_as_they_are_declared_whatever_their_age(shop, ann):
    file = (
        '{"id": "1", "name": "rated", "user": "7", "occurredAt": "2026-03-02T11:59:00Z",'
        ' "data": {"stars": 5, "why": {"deep": true}}}\n'
        '{"id": "2", "name": "rated", "anonymousId": "v1", "occurredAt": "2026-03-01T10:00:00Z"}\n'
        '{"id": "3", "name": "rated", "user": "7", "data": {"stars": 4}}\n'
        '{"id": "4", "name": "hated", "user": "7", "occurredAt": "2026-03-01T10:00:00Z"}\n'
        '{"id": "1", "name": "rated", "user": "7", "occurredAt": "2026-03-02T11:59:00Z"}\n'
    )

    job = await take_in(shop, "events", file, table="ndjson")

    assert await refused(shop, job) == [(3, "occurredAt", "REQUIRED"), (4, "name", "INVALID")]
    assert counts(job) == (2, 0, 1, 2)
    found = await told(shop)
    assert set(found) == {"import|1", "import|2"}
    assert found["import|1"]["data"] == {"stars": 5, "why": {"deep": True}}
    assert found["import|2"]["user"] == "anonymous:v1"
    assert await shop.stores.events.pending_lanes() == []


async def test_cells_of_events_are_read_as_the_rules_declare_them(shop, ann):
    file = "id,name,user,occurredAt,data.stars\n1,rated,7,2026-03-01T10:00:00,4.5\n"

    await take_in(shop, "events", file, mapping=None)

    (found,) = (await told(shop)).values()
    assert found["data"] == {"stars": 4.5}
    assert (await shop.stores.imports.page(Window(limit=1))).items


def till(shop):
    return Till(stores=shop.stores, rulebook=shop.rulebook, jobs=shop.bells, clock=shop.clock)


async def problems(shop):
    head = await sequencer.read_head(stores=shop.stores)
    await sequencer.step(head, stores=shop.stores, wall=shop.clock.wall())
    found = verify(stores=shop.stores, now=shop.clock.now(), wall=shop.clock.wall())
    return {finding.id: list(finding.problems) async for finding in found if finding.problems}


async def test_they_are_orders_at_what_the_file_says_was_paid(shop, ann):
    await take_in(shop, "orders", FILE, mapping=MAPPING)

    second, first = (await shop.stores.orders.page(Window(limit=9))).items
    assert (first.id, first.user_id, first.state) == ("A1", "ann", OrderState.PLACED)
    assert (first.quote.total, first.quote.currency) == (101_250, "USD")
    assert [(line.sku, line.quantity, line.total) for line in first.quote.lines] == [
        ("X", 2, 100_000),
        ("Y", 1, 1_250),
    ]
    assert first.takings == first.codes == first.untold == ()
    assert (second.id, second.state, second.refunded) == ("A2", OrderState.CANCELLED, 2_000)
    assert second.cancelled_at == datetime(2026, 3, 2, 8, tzinfo=UTC)


async def test_what_comes_back_of_them_is_paid_back_and_points_with_it(shop, ann):
    await take_in(shop, "orders", FILE, mapping=MAPPING, points=True)

    order = await returns.take_back("A1", "r1", [Sent(0, 1)], till(shop))
    await returns.take_back("A1", "r1", [Sent(0, 1)], till(shop))
    await shop.work()

    assert (order.returned, order.units_returned(0)) == (50_000, 1)
    assert await points(shop) == 1_012 - 499  # of 1012.50 paid, 500.00 came back
    assert (await told(shop))["orders|A1#r1"]["data"]["items"][0]["amount"] == 50_000
    with pytest.raises(Invalid, match="only 1 are left"):
        await returns.take_back("A1", "r2", [Sent(0, 2)], till(shop))

    cancelled = await returns.cancel("A1", till(shop))
    await shop.work()

    assert (cancelled.refunded, await points(shop)) == (101_250, 0)
    assert await problems(shop) == {}


async def test_the_feed_tells_of_what_happens_to_them_and_not_of_what_did(shop, ann):
    cart = {"currency": "USD", "lines": [{"sku": "A", "price": "10.00"}]}
    await orders.place(Placing(key="own", cart=cart, total=Decimal("10.00")), till(shop))
    shop.clock.business += timedelta(days=1)
    file = FILE.replace("01/03/2026 11:00", "03/03/2026 11:00")
    await take_in(shop, "orders", file, mapping=MAPPING)
    shop.clock.business += timedelta(hours=1)
    await returns.take_back("A1", "r1", [Sent(1, 1)], till(shop))

    assert await problems(shop) == {}
    blocks = await shop.stores.feed.from_number(1, limit=100)
    ids = [numbered.entry.id for block in blocks for numbered in block.after(0)]
    assert [each for each in ids if each.startswith("order.")] == [
        "order.placed:own",
        "order.returned:A1:0",
    ]


async def test_a_cancellation_may_come_with_a_later_file_and_changes_nothing_else(shop, ann):
    await take_in(shop, "orders", FILE, mapping=MAPPING)
    await returns.take_back("A1", "r1", [Sent(0, 1)], till(shop))
    later = FILE.replace("10:00;1.012,50;;", "10:00;1.012,50;2026-03-02T09:00:00Z;")

    job = await take_in(shop, "orders", later, mapping=MAPPING)

    assert counts(job) == (0, 2, 1, 0)
    order = await shop.stores.orders.get("A1")
    assert (order.state, order.units_returned(0)) == (OrderState.CANCELLED, 1)
    assert counts(await take_in(shop, "orders", later, mapping=MAPPING)) == (0, 0, 3, 0)
    assert counts(await take_in(shop, "orders", FILE, mapping=MAPPING)) == (0, 0, 3, 0)
    assert (await shop.stores.orders.get("A1")).state is OrderState.CANCELLED


async def test_an_order_that_was_placed_here_is_not_changed_by_a_file(shop, ann):
    cart = {"currency": "USD", "lines": [{"sku": "A", "price": "10.00"}]}
    placed = await orders.place(
        Placing(key="A1", cart=cart, total=Decimal("10.00"), user_id="ann"), till(shop)
    )
    row = "A1,7,2026-02-01T10:00:00Z,{},A\n"
    head = "orderId,user,placedAt,cancelledAt,item.sku\n"

    kept = await take_in(shop, "orders", head + row.format(""))
    job = await take_in(shop, "orders", head + row.format("2026-02-02T10:00:00Z"))

    assert counts(kept) == (0, 0, 1, 0)
    assert await refused(shop, job) == [(2, "cancelledAt", "PLACED_HERE")]
    assert (await shop.stores.orders.get("A1")).quote == placed.quote
    assert "order_cancelled|A1" not in await told(shop)


async def test_an_imported_order_cannot_be_placed_again(shop, ann):
    await take_in(shop, "orders", FILE, mapping=MAPPING)
    cart = {"currency": "USD", "lines": [{"sku": "A", "price": "10.00"}]}

    with pytest.raises(Conflict, match="another cart"):
        await orders.place(Placing(key="A1", cart=cart, total=Decimal("10.00")), till(shop))


async def test_an_order_that_only_an_event_told_of_is_kept_and_not_told_again(shop, ann):
    await shop.tell(event("order_placed", "ann", order_id="A1", items=[]))

    job = await take_in(shop, "orders", FILE, mapping=MAPPING)

    assert counts(job) == (3, 0, 0, 0)
    assert len((await shop.stores.orders.get("A1")).quote.lines) == 2
    assert (await told(shop))["order_placed|A1"]["data"]["items"] == []


async def test_orders_of_json_have_their_lines_as_a_list(shop, ann):
    file = (
        '{"orderId": "J1", "user": "7", "placedAt": "2026-02-01T10:00:00Z", "shipping": 5,'
        ' "items": [{"sku": "A", "name": "Anorak", "quantity": 2, "amount": "20.00",'
        ' "discount": "4.00"}, {"sku": "B", "amount": 3.5}]}\n'
        '{"orderId": "J2", "user": "7", "placedAt": "2026-02-01T10:00:00Z", "items": "many"}\n'
        '{"orderId": "J3", "user": "7", "placedAt": "2026-02-01T10:00:00Z", "total": -1}\n'
    )

    job = await take_in(shop, "orders", file, table="ndjson")

    assert await refused(shop, job) == [
        (2, "data.items", "INVALID"),
        (3, "item.sku", "REQUIRED"),
    ]
    order = await shop.stores.orders.get("J1")
    assert (order.quote.total, order.quote.subtotal) == (2_850, 2_750)
    assert order.items == ({"name": "Anorak"}, {})
