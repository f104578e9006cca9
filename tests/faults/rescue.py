"""A journey of two letters, and whether everyone who set out on it got both, once."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

from devserver.smtp import Sink
from tests.shop import Shop

RULES = """
event cart_updated { total: money USD }
trigger rescue {
  on cart_updated where total >= 20 USD
  then {
    send email "first"
    wait 2 hours unless order_placed
    send email "second"
  }
}
"""
_SPEED = 3600  # an hour of business passes in a second


def fast_clock() -> str:
    """Return a setting for processes by which the wait is over in two seconds."""
    start = datetime.now(UTC)
    return f"{(start - timedelta(days=30)).isoformat()}@{start.isoformat()}*{_SPEED}"


async def open_shop(shop: Shop, people: int) -> list[str]:
    """Publish the journey; return who may set out on it."""
    await shop.template("first")
    await shop.template("second")
    await shop.publish(RULES)
    names = [f"p{n:05}" for n in range(people)]
    for place in range(0, people, 200):
        await asyncio.gather(*(shop.person(name) for name in names[place : place + 200]))
    return names


async def drained(shop: Shop, *, within: float) -> None:
    """Wait until nothing is left to do."""
    async with asyncio.timeout(within):
        while True:
            left = [
                await shop.stores.events.count_pending(),
                await shop.stores.runs.documents.count_documents({"due_at": {"$exists": True}}),
                await shop.stores.effects.documents.count_documents({"next_at": {"$exists": True}}),
                await shop.stores.outbox.documents.count_documents({}),
            ]
            if not any(left):
                return
            await asyncio.sleep(0.2)


async def rescued(shop: Shop, smtp: Sink, people: int) -> int:
    """Check that all of them had both letters, once; return of how many that is not known."""
    states = Counter([effect["state"] for effect in await shop.effects()])
    arrived = Counter(
        (message["To"].addresses[0].username, message["Message-ID"]) for message in smtp.messages
    )
    assert max(arrived.values()) == 1
    assert set(states) <= {"sent", "unknown"}
    assert sum(states.values()) == 2 * people
    # What is unknown may have arrived or not; what is sent has.
    assert states["sent"] <= len(arrived) <= 2 * people
    runs = await shop.stores.runs.documents.find().to_list()
    assert len(runs) == people
    assert {run["state"] for run in runs} == {"done"}
    told: Counter[str] = Counter()
    async for block in shop.stores.feed.documents.find():
        told.update(entry["type"] for entry in block["entries"])
    assert told["run.started"] == told["run.ended"] == people
    assert told["message.sent"] == states["sent"]
    return states["unknown"]
