"""Whether a journey came to what it is for: an event that its campaign names, in time."""

from collections import Counter
from datetime import timedelta

import pytest

from tests.shop import NOW, event

GOAL = """
event cart_updated { total: money USD }
campaign spring { goal order_placed where total >= 10 USD within 3 days  holdout 50% }
trigger greet { on cart_updated  then { tag "x" } }
trigger own { on cart_updated  goal cart_updated within 1 day  then { tag "y" } }
"""


@pytest.mark.parametrize(
    ("hours", "total", "reached"),
    [(1, "10", True), (71, "10", True), (72, "10", False), (1, "9", False)],
)
async def test_a_run_records_whether_its_goal_was_reached(shop, hours, total, reached):
    await shop.publish(GOAL)
    people = [f"p{number}" for number in range(6)]
    for name in people:
        await shop.person(name)
    await shop.tell(*(event("cart_updated", f"c{name}", user=name, total="25") for name in people))
    await shop.work()
    shop.clock.turn(hours=hours)
    await shop.tell(
        *(
            event("order_placed", f"o{name}", user=name, order_id=name, total=total)
            for name in people
        )
    )
    await shop.work()

    runs = await shop.stores.runs.documents.find({"trigger": "greet"}).to_list()
    assert {run["reason"] for run in runs} == {"", "held_out"}
    at = NOW + timedelta(hours=hours) if reached else None
    assert {run["converted_at"] for run in runs} == {at}
    others = await shop.stores.runs.documents.find({"trigger": "own"}).to_list()
    assert {run["converted_at"] for run in others} == {None}
    told = Counter([entry.type for entry in await shop.stores.outbox.waiting(100)])
    assert told["run.converted"] == (6 if reached else 0)


async def test_a_goal_reached_again_counts_once_and_late_events_count_by_their_time(shop):
    await shop.publish(GOAL.replace("holdout 50%", ""))
    await shop.person()
    await shop.tell(event("cart_updated", "c1", total="25"))
    await shop.work()
    shop.clock.turn(days=4)
    for number, hours in enumerate((5, 2)):
        at = NOW + timedelta(hours=hours)
        await shop.tell(
            event("order_placed", f"o{number}", at=at, order_id=str(number), total="20")
        )
        await shop.work()

    (run,) = await shop.stores.runs.documents.find({"trigger": "greet"}).to_list()
    assert run["converted_at"] == NOW + timedelta(hours=5)
