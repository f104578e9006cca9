"""Entering people in lotteries: by events, and by steps of journeys."""

import asyncio
import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from dsl import Moment
from dsl.offers import Lottery
from engine.journeys import matches
from engine.schedule import is_active
from models.beacon import Chain
from models.draw import Draw, DrawState, entry_id
from models.event import Event
from models.store import Stores
from services import draws
from services.entries import add_entry
from services.journeys import Rules
from services.rulebook import Published


async def enter(
    events: Sequence[Event],
    rules: Rules,
    facts: Mapping[str, Any],
    *,
    stores: Stores,
    wall: datetime,
    chain: Chain | None = None,
) -> None:
    """Enter people in the lotteries that these events enter them in. Safe to repeat."""
    found = [
        (event, lottery)
        for event in events
        for lottery in rules.lotteries(event)
        if enters(event, lottery, facts.get(event.user_id), rules)
    ]
    if not found:
        return
    ids = {draws.id_of(lottery, rules.versions[event.publication]) for event, lottery in found}
    known = await stores.draws.find_many(sorted(ids))
    for event, lottery in found:
        published = rules.versions[event.publication]
        draw_id = draws.id_of(lottery, published)
        if draw_id not in known:
            # The scheduler has not come to it: nobody enters what is not committed to.
            known[draw_id] = await draws.open_draw(
                lottery, published, event.received_at, stores=stores, wall=wall, chain=chain
            )
    await asyncio.gather(
        *(
            _enter(known[draw_id], lottery, event.user_id, event.id, event.at, stores)
            for event, lottery in found
            if (draw_id := draws.id_of(lottery, rules.versions[event.publication])) in known
            and known[draw_id].state is DrawState.OPEN
            and event.at < known[draw_id].closes_at
        )
    )


def enters(event: Event, lottery: Lottery, facts: Mapping[str, Any] | None, rules: Rules) -> bool:
    """Whether an event enters its user in a lottery, which may be full or closed."""
    published = rules.versions[event.publication]
    if facts is None or rules.is_paused(published.campaign_of.get(lottery.name)):
        return False
    program = published.program
    moment = Moment(event.at, program.zone, program)
    in_time = moment.now < lottery.draw_at and is_active(lottery.active, moment)
    return in_time and any(matches(wanted, event, facts, moment) for wanted in lottery.enter_on)


async def enter_by(
    name: str,
    user_id: str,
    source: str,
    at: datetime,
    *,
    published: Published,
    stores: Stores,
    wall: datetime,
    chain: Chain | None = None,
) -> str | None:
    """Enter someone in a lottery, once for each source; return why not, if so. Safe to repeat."""
    reason = await hindrance(name, user_id, source, at, published=published, stores=stores)
    if reason is not None:
        return reason
    lottery = published.program.lotteries[name]
    draw_id = draws.id_of(lottery, published)
    draw = await stores.draws.find(draw_id)
    if draw is None:
        draw = await draws.open_draw(lottery, published, at, stores=stores, wall=wall, chain=chain)
    entered = await _enter(draw, lottery, user_id, source, at, stores)
    return None if entered else "no_more_entries"


async def hindrance(
    name: str,
    user_id: str,
    source: str,
    at: datetime,
    *,
    published: Published,
    stores: Stores,
    besides: Collection[str] = (),
) -> str | None:
    """Return why someone cannot be entered in a lottery; None if they can, or have been so.

    They are about to be entered `besides` for other sources.
    """
    lottery = published.program.lotteries.get(name)
    if lottery is None:
        return "no_lottery"
    if published.campaign_of.get(name) in published.paused:
        return "paused"
    draw_id = draws.id_of(lottery, published)
    if await stores.entries.has(entry_id(draw_id, user_id, source)):
        return None
    draw = await stores.draws.find(draw_id)
    closed = (
        at >= lottery.draw_at
        if draw is None
        else draw.state is not DrawState.OPEN or at >= draw.closes_at
    )
    moment = Moment(at, published.program.zone, published.program)
    if closed or not is_active(lottery.active, moment):
        return "closed"
    if lottery.entries is None:
        return None
    theirs = await stores.entries.of_user(draw_id, user_id, limit=lottery.entries)
    sources = {entry.source for entry in theirs}.union(besides) - {source}
    return None if len(sources) < lottery.entries else "no_more_entries"


async def _enter(
    draw: Draw, lottery: Lottery, user_id: str, source: str, at: datetime, stores: Stores
) -> bool:
    nonce = secrets.token_hex(16)
    places = lottery.entries
    return await add_entry(draw.id, user_id, source, at, nonce=nonce, places=places, stores=stores)
