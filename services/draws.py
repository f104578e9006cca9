"""Lotteries: a draw opens with its rules, events enter people, it closes, and winners are drawn."""

import asyncio
import logging
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from dsl.offers import Lottery
from engine import draws
from models.beacon import Chain, Pulse
from models.claim import Told, stock_id
from models.draw import Draw, DrawPrize, DrawState, Entry, Winner
from models.errors import NotFound, Unavailable
from models.feed import FeedEntry
from models.store import Stores
from models.unique_code import Code
from services import codes
from services.rulebook import Published

log = logging.getLogger(__name__)

GRACE = timedelta(seconds=5)  # for entries under way when a draw closes
# The tickets are published before the beacon speaks: nobody can choose them by what it says.
LEAD = timedelta(seconds=30)
LATE = timedelta(seconds=30)  # a beacon that has not spoken by then is told of
_RECEIPTS = 1_000


class Beacon(Protocol):
    """A public source of randomness that nobody can know before its time."""

    chain: Chain

    async def pulse(self, number: int) -> Pulse:
        """Return what was said in a round. Raises Unavailable while that cannot be had."""


# --- what happens by itself -----------------------------------------------------------------------


async def open_draw(
    lottery: Lottery,
    published: Published,
    now: datetime,
    *,
    stores: Stores,
    wall: datetime,
    chain: Chain | None = None,
) -> Draw:
    """Commit to a lottery's secret, prizes and round; return its draw.

    An earlier commitment stands. The beacon itself is not asked: it may be away now.
    """
    draw_id = id_of(lottery, published)
    secret = secrets.token_bytes(32)
    prizes = tuple(DrawPrize(each.title, each.quantity, each.grants) for each in lottery.prizes)
    source = (
        # Where a clock of its own runs behind, the draw's time may be over for the beacon.
        None if chain is None else chain.promise(chain.round_at(max(lottery.draw_at, wall) + LEAD))
    )
    promise = draws.promise_of(draw_id, prizes, lottery.draw_at.isoformat(), source, secret)
    ends = [window.end for window in lottery.active if window.end is not None]
    draw = Draw(
        id=draw_id,
        name=lottery.name,
        title=lottery.title,
        campaign_id=published.campaign_of.get(lottery.name),
        prizes=prizes,
        promise=promise,
        commitment=draws.commitment_of(promise),
        secret=secret,
        state=DrawState.OPEN,
        opened_at=now,
        closes_at=min([lottery.draw_at, *ends]),
        draw_at=lottery.draw_at,
        untold=(Told("opened", now),),
    )
    if await stores.draws.open(draw):
        return draw
    found = await stores.draws.find(draw_id)
    assert found is not None  # draws are never deleted
    return found


async def look_after(
    published: Published,
    *,
    stores: Stores,
    now: datetime,
    wall: datetime,
    beacon: Beacon | None = None,
) -> None:
    """Open, close and draw what is due, and tell the feed. Safe to repeat, also at once."""
    lotteries = [
        lottery for lottery in published.program.lotteries.values() if now < lottery.draw_at
    ]
    known = await stores.draws.find_many([id_of(each, published) for each in lotteries])
    for lottery in lotteries:
        if id_of(lottery, published) not in known:
            await open_draw(
                lottery,
                published,
                now,
                stores=stores,
                wall=wall,
                chain=None if beacon is None else beacon.chain,
            )
    for draw in await stores.draws.in_state(DrawState.OPEN):
        # What came in before the end and was not worked on yet still counts, until the draw.
        if draw.closes_at <= now and (
            draw.draw_at <= now or not await stores.events.any_pending_before(draw.closes_at)
        ):
            await stores.draws.begin_closing(draw.id, wall)
    for draw in await stores.draws.in_state(DrawState.CLOSING):
        if draw.closing_at is not None and draw.closing_at + GRACE <= wall:
            await stores.entries.freeze(draw.id)
            tickets = await stores.entries.tickets(draw.id)
            root = await asyncio.to_thread(draws.root_of, tickets)
            await stores.draws.close(draw.id, root, len(tickets), now, wall)
    for draw in await stores.draws.in_state(DrawState.CLOSED):
        if draw.draw_at <= now:
            await _draw(draw, now, wall, stores=stores, beacon=beacon)
    for draw in await stores.draws.with_untold(100):
        await _tell(draw, stores)


async def _draw(
    draw: Draw, now: datetime, wall: datetime, *, stores: Stores, beacon: Beacon | None
) -> None:
    pulse: Pulse | None = None
    if draw.spoken_at is not None:
        if wall < draw.spoken_at:
            return
        try:
            pulse = await _pulse(draw, beacon)
        except Unavailable as error:
            # It is waited for, however long that takes: a draw without it is what nobody promised.
            if draw.spoken_at + LATE <= wall and await stores.draws.wait(
                draw.id, error.message, now
            ):
                log.error("the draw %s waits: %s", draw.id, error.message)
            return
    tickets = await stores.entries.tickets(draw.id)
    winners = await asyncio.to_thread(
        draws.winners_of,
        tickets,
        draw.prizes,
        secret=draw.secret,
        beacon_value=b"" if pulse is None else pulse.randomness,
        root=draw.root or "",
    )
    # A code is made up before it is known who is first to write: only what is written counts.
    won = [
        Winner(each.prize, each.ticket, codes.fresh() if draw.prizes[each.prize].grants else None)
        for each in winners
    ]
    await stores.draws.reveal(draw.id, won, pulse, now)


async def _pulse(draw: Draw, beacon: Beacon | None) -> Pulse:
    promised = draw.promise["beacon"]
    if beacon is None or beacon.chain.hash != promised["chain"]:
        raise Unavailable(
            f"The draw was promised to the beacon {promised['chain']} at {promised['url']}, which "
            "is not the one that is set up."
        )
    return await beacon.pulse(promised["round"])


async def _tell(draw: Draw, stores: Stores) -> None:
    """Give winners their codes, and tell the feed of them and of what has become of the draw."""
    told = {each.state: each.at for each in draw.untold}
    entries: list[FeedEntry] = []
    data: dict[str, dict[str, Any]] = {
        "opened": {"commitment": draw.commitment},
        "closed": {"root": draw.root, "entries": draw.entries},
        "waiting": {"reason": draw.waiting},
        "drawn": {"winners": len(draw.winners)},
    }
    for state, at in told.items():
        about = {"draw": draw.id, "lottery": draw.name, **data[state]}
        entries.append(
            FeedEntry(f"draw:{draw.id}:{state}", f"draw.{state}", at, draw.campaign_id, None, about)
        )
    if "drawn" in told:
        owners = await stores.entries.of_tickets(draw.id, [won.ticket for won in draw.winners])
        await stores.codes.add(list(_granted(draw, owners, told["drawn"])))
        entries += _won(draw, owners, told["drawn"])
    await stores.outbox.add(entries)
    await stores.draws.told(draw)


def _granted(draw: Draw, owners: Mapping[str, Entry], at: datetime) -> Iterator[Code]:
    for won in draw.winners:
        promotion = draw.prizes[won.prize].grants
        if promotion is not None and won.code is not None:
            yield Code(
                code=won.code,
                promotion=promotion,
                made_at=at,
                user_id=owners[won.ticket].user_id,
                batch=draw.id,
            )


def _won(draw: Draw, owners: Mapping[str, Entry], at: datetime) -> Iterable[FeedEntry]:
    for won in draw.winners:
        prize = draw.prizes[won.prize]
        yield FeedEntry(
            f"draw:{draw.id}:won:{won.ticket}",
            "prize.won",
            at,
            draw.campaign_id,
            owners[won.ticket].user_id,
            {"draw": draw.id, "prize": prize.title, "grants": prize.grants, "ticket": won.ticket},
        )


# --- seeing ---------------------------------------------------------------------------------------


async def see(draw_id: str, *, stores: Stores) -> Draw:
    """Return a draw to anyone. Raises NotFound."""
    draw = await stores.draws.find(draw_id)
    if draw is None:
        raise NotFound("There is no such draw.")
    return draw


async def latest(*, stores: Stores) -> list[Draw]:
    """Return the draws that were opened last."""
    return await stores.draws.latest(50)


@dataclass(frozen=True, slots=True)
class Checked:
    """All that is public of a draw, and what does not agree when it is computed again."""

    record: Mapping[str, Any]
    problems: Sequence[str]


async def check(draw_id: str, *, stores: Stores) -> Checked:
    """Compute a draw again from what is public of it. Raises NotFound."""
    draw = await see(draw_id, stores=stores)
    tickets = [] if draw.root is None else await stores.entries.tickets(draw.id)
    record = draw.record(tickets)
    return Checked(record, await asyncio.to_thread(draws.problems, record))


@dataclass(frozen=True, slots=True)
class Receipt:
    """Someone's entry, what it won, and the way from its ticket to the root."""

    entry: Entry
    prize: str | None = None
    proof: Sequence[draws.Step] = ()


async def receipts(draw_id: str, user_id: str, *, stores: Stores) -> list[Receipt]:
    """Return someone's entries: with them, they can show that a ticket is theirs."""
    draw = await see(draw_id, stores=stores)
    entries = await stores.entries.of_user(draw_id, user_id, limit=_RECEIPTS)
    if draw.root is None:
        return [Receipt(entry) for entry in entries]
    prizes = {won.ticket: draw.prizes[won.prize].title for won in draw.winners}
    tickets = await stores.entries.tickets(draw_id)
    proofs = await asyncio.to_thread(draws.proofs_of, tickets, [entry.ticket for entry in entries])
    return [
        Receipt(entry, prizes.get(entry.ticket), proofs.get(entry.ticket, ())) for entry in entries
    ]


def id_of(lottery: Lottery, published: Published) -> str:
    """Return what the draw of a live lottery is known by."""
    return stock_id(published.campaign_of.get(lottery.name), lottery.name)
