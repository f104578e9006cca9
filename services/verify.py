"""What must always hold, checked over everything that is kept. Nothing is changed."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from engine.starting import total_limit
from models.audit import SealKeys
from models.claim import ClaimState
from models.redemption import PerUser
from models.store import Stores
from services import auditing, chaining, draws, receipts, standing
from services.consequences import Consequences
from services.recounting import recount
from services.rejudging import rejudge
from services.reporting import checking
from services.rulebook import Rulebook
from services.tallies import Tallies, too_often

_SHOWN = 10
PATIENCE = timedelta(minutes=1)
# What gives each thing to one: without these, nothing else that is found here means much.
UNIQUE = {
    "claims": ("unit", "slots"),
    "groups": ("seat", "slots", "opened_by"),
    "entries": ("ticket", "slot"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One invariant: what it says, what was looked at, and where it does not hold."""

    id: str
    title: str
    looked_at: str
    problems: Sequence[str]


async def verify(
    *, stores: Stores, now: datetime, wall: datetime, keys: SealKeys | None = None
) -> AsyncIterator[Finding]:
    """Yield each invariant with what contradicts it. Meant for when nothing is under way.

    Without `keys`, the seals of the audit log are not looked at.
    """
    rulebook = Rulebook(stores)
    checks: list[tuple[str, str, Callable[[], Awaitable[tuple[str, list[str]]]]]] = [
        ("I1", "stock: free + held + sold = initial", lambda: _stock(stores)),
        (
            "I2",
            "uses, spending and codes as orders took them, within limits",
            lambda: _limits(stores),
        ),
        (
            "I3",
            "acknowledged events are there, and what followed is what rules give",
            lambda: _consequences(stores, rulebook),
        ),
        ("I4", "each message once, with one end", lambda: _messages(stores)),
        ("I5", "points sum to balances", lambda: auditing.audit(stores=stores, now=now)),
        ("I6", "draws recompute, winners ≤ prizes", lambda: _draws(stores)),
        ("I7", "groups not over-full, one end for each member", lambda: _groups(stores)),
        ("I8", "journeys and marketing within their caps", lambda: _caps(stores, rulebook)),
        (
            "I9",
            "members of segments = worked out anew",
            lambda: rejudge(stores=stores, rulebook=rulebook, now=now),
        ),
        (
            "I10",
            "the audit log is as it was written, and knows of each change",
            lambda: _audited(stores, keys),
        ),
        ("I11", "the feed is gapless, tells nothing twice, and every order", lambda: _feed(stores)),
        (
            "I12",
            "no work is stuck",
            lambda: _stuck(stores, rulebook, now - PATIENCE, wall - PATIENCE),
        ),
        ("I13", "measures are what the events say", lambda: recount(stores, rulebook)),
        ("I14", "reports count what the feed tells", lambda: checking.check(stores=stores)),
    ]
    for name, title, check in checks:
        looked_at, problems = await check()
        yield Finding(name, title, looked_at, _shortened(problems))


async def _audited(stores: Stores, keys: SealKeys | None) -> tuple[str, list[str]]:
    entries, broken = await chaining.check(stores=stores, keys=keys)
    if broken:
        return entries, broken
    things, problems = await standing.check(stores=stores, keys=keys)
    return f"{entries}; {things}", problems


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
    people = await stores.checks.seated_people()
    for buy, seats in (await stores.checks.stock_units("groups", "buy", "seat")).items():
        initial = stocks[buy]["initial"] if buy in stocks else 0
        problems += _units(buy, seats, initial)
        # A group's seat stands for as many units as it has people.
        if people[buy] > initial:
            problems.append(f"{buy}: {people[buy]} units are set aside for groups, of {initial}")
    if misplaced := await stores.checks.misplaced_groups():
        problems.append(f"{misplaced} groups have failed and keep their seat")
    problems += [
        f"the unique index {name} is missing"
        for name in await stores.checks.missing_indexes(UNIQUE)
    ]
    return f"{len(stocks)} stocks", problems


def _units(stock: str, units: Sequence[int], initial: int) -> list[str]:
    twice = [unit for unit, times in Counter(units).items() if times > 1]
    beyond = [unit for unit in units if not 0 <= unit < initial]
    return [
        *(f"{stock}: unit {unit} was given to several" for unit in twice),
        *(f"{stock}: unit {unit} is not one of {initial}" for unit in beyond),
    ]


async def _limits(stores: Stores) -> tuple[str, list[str]]:
    tallies = Tallies(stores)
    await tallies.look()
    return f"{len(tallies.attempts)} orders that took something", tallies.problems


async def _consequences(stores: Stores, rulebook: Rulebook) -> tuple[str, list[str]]:
    consequences = Consequences(stores, rulebook)
    await consequences.look()
    return f"{consequences.looked_at} events, runs and entries", consequences.problems


async def _messages(stores: Stores) -> tuple[str, list[str]]:
    traces = stores.traces
    problems = [
        f"effect {effect} is not known by its run and step"
        for effect in await traces.misnamed_effects()
    ]
    problems += [
        f"message {message} is not at its end, and will not be looked at again"
        for message in await traces.forgotten_messages()
    ]
    problems += [
        f"message {row['_id']}: told {' and '.join(sorted(row['ends']))}, kept {row.get('kept')}"
        for row in await traces.ends_of_messages()
    ]
    return "all messages and calls", problems


async def _caps(stores: Stores, rulebook: Rulebook) -> tuple[str, list[str]]:
    problems: list[str] = []
    limited = 0
    for name, (runs, publications) in (await stores.traces.counted_runs()).items():
        totals = [
            total_limit(trigger)
            for number in publications
            if (trigger := (await rulebook.version(number)).program.triggers.get(name))
        ]
        limited += 1
        if None not in totals and runs > (most := max(t for t in totals if t is not None)):
            problems.append(f"{name}: {runs} journeys of {most}")
    async for name, user_id, began in stores.traces.acted():
        # Rules may have changed since: what the latest of them allowed.
        published = await rulebook.version(max(number for _, number in began))
        trigger = published.program.triggers.get(name)
        limits = [
            PerUser(each.count, (each.within.count, each.within.unit) if each.within else None)
            for each in (trigger.limits if trigger else ())
            if each.per == "user"
        ]
        limited += bool(limits)
        same = [at for at, number in began if number == published.number]
        problems += [
            f"{name}: {user_id} went through it {problem}"
            for problem in too_often(same, limits, published.program.zone)
        ]
    problems += [f"marketing to {each}" for each in await stores.frequencies.overdone()]
    return f"{limited} capped things, everyone's marketing", problems


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
    problems += [
        f"{code} was won and is not there" for code in await stores.checks.ungranted_prizes()
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
    problems += [
        f"{member}: ordered with an order that never was"
        for member in await stores.checks.unordered_members()
    ]
    return "all groups", problems


async def _feed(stores: Stores) -> tuple[str, list[str]]:
    blocks = await stores.checks.feed_blocks()
    problems: list[str] = []
    for (number, first, count), (following, start, _) in pairwise(blocks):
        if (following, start) != (number + 1, first + count):
            problems.append(f"block {following} begins at {start} after block {number}")
    problems += [f"{entry} was told twice" for entry in await stores.checks.told_twice()]
    problems += [f"{entry} was never told" for entry in await receipts.missing(stores=stores)]
    return f"{len(blocks)} blocks", problems


async def _stuck(
    stores: Stores, rulebook: Rulebook, now: datetime, wall: datetime
) -> tuple[str, list[str]]:
    paused = sorted((await rulebook.current()).paused)
    found = await stores.checks.stuck(now, wall, paused=paused)
    return "all work", [f"{count} {what}" for what, count in found.items() if count]


def _shortened(problems: Sequence[str]) -> list[str]:
    rest = len(problems) - _SHOWN
    return [*problems[:_SHOWN], *([f"and {rest} more"] if rest > 0 else [])]
