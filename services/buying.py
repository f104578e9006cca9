"""Entries in lotteries that are bought with points: the points go and the entry comes, or neither.

The points are held, then the entry is added under an id of its own, then the points are spent. The
hold knows all that the entry needs: should the buyer be killed, the sweep adds it in their place.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dsl import Moment
from dsl.offers import Lottery
from engine.schedule import is_active
from models.claim import stock_id
from models.draw import Draw, DrawState, Entry, entry_id
from models.errors import Conflict, NotFound
from models.points import Hold, Reason, Transfer
from models.store import Stores
from services import draws, points, spending
from services.entries import add_entry
from services.keys import require_key
from services.rulebook import Published, Rulebook

LEASE = timedelta(seconds=30)
PAGE = 100


@dataclass(frozen=True, slots=True)
class Bought:
    """An entry, and how many points its buyer has left."""

    entry: Entry
    left: int


async def buy(
    lottery: str,
    key: str,
    *,
    user_id: str,
    stores: Stores,
    rulebook: Rulebook,
    now: datetime,
    wall: datetime,
) -> Bought:
    """Buy one entry in a lottery with points. The same key again is the same entry.

    Raises NotFound, Invalid, and Conflict with NOT_FOR_SALE, NOT_ACTIVE, PAUSED, LIMIT_REACHED,
    NOT_ENOUGH_POINTS or BUSY.
    """
    published = await rulebook.current()
    found = published.program.lotteries.get(lottery)
    if found is None:
        raise NotFound("There is no such lottery.", field=("lottery",))
    require_key(key)
    wanted = _hold(found, key, user_id, published, now, wall + LEASE)
    account = (await stores.accounts.find_many([user_id]))[user_id]
    # Bought before and perhaps not finished: the hold of then knows what belongs to it.
    wanted = next((h for h in account.holds if h.transfer.id == wanted.transfer.id), wanted)
    bought = await stores.entries.find(wanted.data["entry"])
    if bought is None:
        _check_open(found, published, await stores.draws.find(wanted.data["draw"]), now)
        if not await spending.hold(wanted, stores=stores, now=now):
            left = await spending.available(user_id, stores=stores, now=now)
            raise Conflict(
                f"An entry costs {wanted.points} points, and you have {left}.",
                code="NOT_ENOUGH_POINTS",
            )
    entry = await _settle(wanted, stores=stores, current=published, now=now)
    left = await spending.available(user_id, stores=stores, now=now)
    return Bought(entry, left)


async def sweep(*, stores: Stores, current: Published, now: datetime, wall: datetime) -> int:
    """Finish what buyers have left behind; return how many that were. Safe to repeat."""
    holds = await stores.accounts.left_behind(Reason.ENTERED, wall, limit=PAGE)
    for hold in holds:
        try:
            await _settle(hold, stores=stores, current=current, now=now)
        except Conflict:
            continue  # released, or the draw is closing at this moment: it is looked at again
    return len(holds)


async def _settle(hold: Hold, *, stores: Stores, current: Published, now: datetime) -> Entry:
    """Add the entry that points are held for, and spend them. Raises Conflict: see `buy`.

    Whoever comes to the same hold at the same time decides alike: places only fill up, and draws
    only close.
    """
    data, transfer = hold.data, hold.transfer
    draw = await draws.see(data["draw"], stores=stores)
    if draw.state is DrawState.OPEN:
        there = await add_entry(
            draw.id,
            transfer.user_id,
            data["source"],
            transfer.at,
            nonce=data["nonce"],
            places=data["places"],
            stores=stores,
        )
        if not there:
            await spending.release(transfer, stores=stores)
            raise Conflict(
                f"One person may have {data['places']} entries, and you have that many.",
                code="LIMIT_REACHED",
            )
        # Still open after it was added: so it is among those that take part.
        draw = await draws.see(data["draw"], stores=stores)
    if draw.state is DrawState.CLOSING:
        raise Conflict(
            "Entries close at this moment; ask again with the same key whether you are in.",
            code="BUSY",
        )
    entry = await stores.entries.find(data["entry"])
    if entry is None or not (draw.state is DrawState.OPEN or entry.frozen):
        await stores.entries.withdraw(data["entry"])
        await spending.release(transfer, stores=stores)
        raise _closed(draw.title or draw.name)
    await points.post([transfer], stores=stores, current=current, now=now)
    return entry


def _check_open(lottery: Lottery, published: Published, draw: Draw | None, now: datetime) -> None:
    name = lottery.title or lottery.name
    if lottery.enter_points is None:
        raise Conflict(f"Entries in {name} are not sold for points.", code="NOT_FOR_SALE")
    if published.campaign_of.get(lottery.name) in published.paused:
        raise Conflict(f"{name} is paused.", code="PAUSED")
    moment = Moment(now, published.program.zone, published.program)
    if draw is None:
        raise Conflict(f"{name} opens in a moment; try again.", code="BUSY")
    if (
        draw.state is not DrawState.OPEN
        or moment.now >= draw.closes_at
        or not is_active(lottery.active, moment)
    ):
        raise _closed(name)


def _hold(
    lottery: Lottery, key: str, user_id: str, published: Published, now: datetime, until: datetime
) -> Hold:
    campaign_id = published.campaign_of.get(lottery.name)
    draw_id, source = stock_id(campaign_id, lottery.name), f"points:{key}"
    entry = entry_id(draw_id, user_id, source)
    moment = Moment(now, published.program.zone, published.program)
    data: Mapping[str, Any] = {
        "draw": draw_id,
        "entry": entry,
        "source": source,
        "nonce": secrets.token_hex(16),
        "places": lottery.entries,
    }
    transfer = Transfer(
        id=f"lottery:{entry}",
        user_id=user_id,
        reason=Reason.ENTERED,
        points=-(lottery.enter_points or 0),
        at=moment.now,
        campaign_id=campaign_id,
        about={"lottery": lottery.name, "draw": draw_id},
    )
    return Hold(transfer=transfer, until=until, data=data)


def _closed(name: str) -> Conflict:
    return Conflict(f"No entries in {name} are taken now.", code="NOT_ACTIVE")
