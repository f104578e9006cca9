"""Taking events in: a verdict on each, and nothing lost between."""

from datetime import timedelta
from math import inf, nan

import pytest

from models.errors import Invalid
from models.event import Event, IncomingEvent, lane_of
from services.events import bulk_history
from services.jobs import Job
from tests.shop import NOW, event
from tests.staging import once

RULES = """
event review_posted { sku: text  stars: number  on: date  kind: one of ["good", "bad"] }
event paid { amount: money USD  yen: money JPY  parts: list of { price: money USD } }
segment everyone { user.points >= 0 }
"""


@pytest.fixture
@once
async def told(shop):
    await shop.publish(RULES)
    await shop.person()
    return shop


async def stored(shop, id: str) -> dict:
    return await shop.stores.events.documents.find_one({"_id": f"api|{id}"})


async def test_an_accepted_event_is_kept_and_its_lane_rung(told):
    (verdict,) = await told.tell(event("review_posted", "r1", sku="A", stars=5, mood={"x": [1]}))

    assert verdict.outcome == "accepted"
    kept = await stored(told, "r1")
    assert kept["data"] == {"sku": "A", "stars": 5, "mood": {"x": [1]}}
    assert (kept["user"], kept["at"], kept["received_at"]) == ("ann", NOW, NOW)
    assert (kept["publication"], kept["pending"]) == (1, True)
    assert told.bells.take(Job.WORK_LANE) == [str(lane_of("ann"))]


async def test_money_comes_as_text_or_number_and_is_kept_in_minor_units(told):
    await told.tell(event("paid", "p1", amount="12.50", yen=300, parts=[{"price": 0.1}]))

    kept = await stored(told, "p1")
    assert kept["data"] == {"amount": 1250, "yen": 300, "parts": [{"price": 10}]}


@pytest.mark.parametrize(
    ("incoming", "path", "reason"),
    [
        (event("reviewposted", "x"), ("name",), "did you mean `review_posted`"),
        (event("review_posted", "x", user="nobody"), ("user",), "register"),
        (event("review_posted", "x", stars="5"), ("data", "stars"), "must be a number"),
        (event("review_posted", "x", stars=nan), ("data", "stars"), "finite"),
        (event("review_posted", "x", stars=10**30), ("data", "stars"), "too large"),
        (event("review_posted", "x", other=inf), ("data", "other"), "finite"),
        (event("review_posted", "x", on="2026-02-30"), ("data", "on"), "a date like"),
        (event("review_posted", "x", kind="ugly"), ("data", "kind"), "one of good, bad"),
        (event("review_posted", "x", **{"$where": 1}), ("data", "$where"), "acceptable name"),
        (event("review_posted", "x", **{"a.b": 1}), ("data", "a.b"), "acceptable name"),
        (event("paid", "x", amount="NaN"), ("data", "amount"), "not an amount"),
        (event("paid", "x", amount=nan), ("data", "amount"), "not an amount"),
        (event("paid", "x", amount="1.234"), ("data", "amount"), "more decimals"),
        (event("paid", "x", yen="1.5"), ("data", "yen"), "more decimals"),
        (event("paid", "x", parts=[{"price": "1"}, 3]), ("data", "parts", "1"), "an object"),
        (
            event("paid", "x", amount={"amount": "1", "currency": "EUR"}),
            ("data", "amount", "currency"),
            "must be USD",
        ),
        (event("review_posted", "x", at=NOW + timedelta(minutes=6)), ("occurredAt",), "future"),
        (IncomingEvent(id="", name="paid", user="ann"), ("id",), "1 to 200"),
        (IncomingEvent(id="x", name="paid", user="ann", source="a|b"), ("source",), "without |"),
    ],
)
async def test_what_is_wrong_is_rejected_with_its_path_and_reason(told, incoming, path, reason):
    wrong, right = await told.tell(incoming, event("review_posted", "fine"))

    assert (wrong.outcome, wrong.path) == ("rejected", path)
    assert reason in wrong.reason
    assert right.outcome == "accepted"


async def test_a_late_event_is_kept_under_its_own_time(told):
    await told.tell(event("review_posted", "r1", at=NOW - timedelta(days=400)))

    assert (await stored(told, "r1"))["at"] == NOW - timedelta(days=400)


async def test_a_user_may_be_named_by_an_external_id(told):
    await told.stores.identities.link_external("crm-7", "ann")

    (verdict,) = await told.tell(event("review_posted", "r1", user="crm-7"))

    assert verdict.outcome == "accepted"
    assert (await stored(told, "r1"))["user"] == "ann"


async def test_duplicates_get_their_own_verdict_within_a_batch_and_after_it(told):
    twice = await told.tell(event("review_posted", "r1"), event("review_posted", "r1"))
    again = await told.tell(event("review_posted", "r2"), event("review_posted", "r1"))

    assert [v.outcome for v in twice] == ["accepted", "duplicate"]
    assert [v.outcome for v in again] == ["accepted", "duplicate"]
    assert await told.stores.events.documents.count_documents({}) == 2


async def test_more_than_500_events_are_refused_as_a_whole(told):
    with pytest.raises(Invalid, match="at most 500"):
        await told.tell(*(event("review_posted", str(n)) for n in range(501)))


async def test_history_is_written_as_already_applied(told):
    past = [
        Event(id=f"shop|{n}", name="paid", user_id="ann", at=NOW, received_at=NOW, publication=0)
        for n in range(2_500)
    ]

    assert await bulk_history(past, stores=told.stores, now=NOW, chunk=1_000) == 2_500
    assert await bulk_history(past, stores=told.stores, now=NOW, chunk=1_000) == 0
    assert await told.stores.events.count_pending() == 0
