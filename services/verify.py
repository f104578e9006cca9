"""What must always hold, checked over everything that is kept. Nothing is changed."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from models.claim import ClaimState
from models.store import Stores
from services import auditing, draws

_SHOWN = 10
PATIENCE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Finding:
    """One invariant: what it says, what was looked at, and where it does not hold."""

    id: str
    title: str
    looked_at: str
    problems: Sequence[str]


async def verify(*, stores: Stores, now: datetime, wall: datetime) -> AsyncIterator[Finding]:
    """Yield each invariant with what contradicts it. Meant for when nothing is under way."""
    checks: list[tuple[str, str, Callable[[], Awaitable[tuple[str, list[str]]]]]] = [
        ("I1", "stock: free + held + sold = initial", lambda: _stock(stores)),
        ("I2", "uses and spending within their limits", lambda: _limits(stores)),
        ("I5", "points sum to balances", lambda: auditing.audit(stores=stores, now=now)),
        ("I6", "draws recompute, winners ≤ prizes", lambda: _draws(stores)),
        ("I7", "groups not over-full, one end for each member", lambda: _groups(stores)),
        ("I11", "the feed is gapless and tells nothing twice", lambda: _feed(stores)),
        ("I12", "no work is stuck", lambda: _stuck(stores, now - PATIENCE, wall - PATIENCE)),
    ]
    for name, title, check in checks:
        looked_at, problems = await check()
        yield Finding(name, title, looked_at, _shortened(problems))


async def _stock(stores: Stores) -> tuple[str, list[str]]:
    stocks = {stock["id"]: stock for stock in await stores.stocks.all()}
    problems: list[str] = []
    units = await stores.checks.stock_units("claims", "sale", "unit")
    declared = {name for name, stock in stocks.items() if stock["kind"] == "flash_sale"}
    for sale in units.keys() | declared:
        initial = stocks[sale]["initial"] if sale in stocks else 0
        problems += _units(sale, units.get(sale, []), initial)
        counts = await stores.claims.counts(sale)
        held, sold = counts.get(ClaimState.HELD, 0), counts.get(ClaimState.SOLD, 0)
        if held + sold > initial:
            problems.append(f"{sale}: {held} held and {sold} sold of {initial}")
    if misplaced := await stores.checks.misplaced_claims():
        problems.append(f"{misplaced} claims have a unit and should not, or have none and should")
    problems += [
        f"claim {claim} was sold with an order that never was"
        for claim in await stores.checks.unordered_claims()
    ]
    problems += [
        f"claim {claim} is in an order and not sold with it"
        for claim in await stores.checks.unsold_claims()
    ]
    for buy, seats in (await stores.checks.stock_units("groups", "buy", "seat")).items():
        # A group's seat stands for as many units as it has people.
        problems += _units(buy, seats, stocks[buy]["initial"] if buy in stocks else 0)
    return f"{len(stocks)} stocks", problems


def _units(stock: str, units: Sequence[int], initial: int) -> list[str]:
    twice = [unit for unit, times in Counter(units).items() if times > 1]
    beyond = [unit for unit in units if not 0 <= unit < initial]
    return [
        *(f"{stock}: unit {unit} was given to several" for unit in twice),
        *(f"{stock}: unit {unit} is not one of {initial}" for unit in beyond),
    ]


async def _limits(stores: Stores) -> tuple[str, list[str]]:
    rows = await stores.checks.uses()
    problems: list[str] = []
    for row in rows:
        counted = row.get("counted") or {}
        for what, bound in (("uses", "most"), ("money", "budget")):
            limit = row[bound]
            if limit is None:
                continue
            if row[what] > limit:
                problems.append(f"{row['_id']}: orders have {what} {row[what]} of {limit}")
            if counted.get(what, 0) > limit:
                problems.append(f"{row['_id']}: {what} counted {counted[what]} of {limit}")
            if counted.get(what, 0) < row[what]:
                problems.append(
                    f"{row['_id']}: {what} counted {counted.get(what, 0)}, orders have {row[what]}"
                )
    problems += [
        f"{row['_id']['name']}: {row['_id']['user']} used it {row['uses']} times of {row['most']}"
        for row in await stores.checks.overused_by_one()
    ]
    problems += [f"code {code} was used twice" for code in await stores.checks.codes_used_twice()]
    return f"{len(rows)} counted things", problems


async def _draws(stores: Stores) -> tuple[str, list[str]]:
    ids = await stores.checks.draw_ids()
    problems: list[str] = []
    for draw_id in ids:
        draw = await draws.see(draw_id, stores=stores)
        checked = await draws.check(draw_id, stores=stores)
        problems += [f"{draw_id}: {problem}" for problem in checked.problems]
        won = Counter(winner.prize for winner in draw.winners)
        problems += [
            f"{draw_id}: {won[place]} won {prize.title!r}, of which there are {prize.quantity}"
            for place, prize in enumerate(draw.prizes)
            if won[place] > prize.quantity
        ]
    return f"{len(ids)} draws", problems


async def _groups(stores: Stores) -> tuple[str, list[str]]:
    problems = [
        f"group {group}: its members do not agree with its state"
        for group in await stores.checks.misformed_groups()
    ]
    problems += [
        f"{member}: told of success and of a refund"
        for member in await stores.checks.groups_with_two_ends()
    ]
    return "all groups", problems


async def _feed(stores: Stores) -> tuple[str, list[str]]:
    blocks = await stores.checks.feed_blocks()
    problems: list[str] = []
    for (number, first, count), (following, start, _) in pairwise(blocks):
        if (following, start) != (number + 1, first + count):
            problems.append(f"block {following} begins at {start} after block {number}")
    problems += [f"{entry} was told twice" for entry in await stores.checks.told_twice()]
    return f"{len(blocks)} blocks", problems


async def _stuck(stores: Stores, now: datetime, wall: datetime) -> tuple[str, list[str]]:
    found = await stores.checks.stuck(now, wall)
    return "all work", [f"{count} {what}" for what, count in found.items() if count]


def _shortened(problems: Sequence[str]) -> list[str]:
    rest = len(problems) - _SHOWN
    return [*problems[:_SHOWN], *([f"and {rest} more"] if rest > 0 else [])]
