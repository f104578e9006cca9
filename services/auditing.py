"""Whether everybody's points are what the ledger comes to. Nothing is changed."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime

from engine.loyalty.replay import replay
from engine.loyalty.terms import Terms, terms_of
from engine.loyalty.tiers import tier_of
from models.points import GAINS, SPENDINGS, Account, Reason, Transfer
from models.store import Stores
from models.user import User
from services.rulebook import Rulebook

PAGE = 500
# What takes from a gain, or gives back of a spending: never more than that was.
_CORRECTIONS = frozenset((Reason.TAKEN_BACK, Reason.EXPIRED, Reason.GIVEN_BACK))


async def audit(*, stores: Stores, now: datetime) -> tuple[str, list[str]]:
    """Return what was looked at, and whatever does not agree."""
    terms = terms_of((await Rulebook(stores).current()).program)
    problems = [
        f"transfer {transfer}: its legs do not sum to zero"
        for transfer in await stores.checks.unbalanced_transfers()
    ]
    looked_at = 0
    after = ""
    while owners := await stores.checks.owners_of_points(after, limit=PAGE):
        accounts = await stores.accounts.find_many(owners)
        users = await stores.users.find_many(owners)
        # Of what they are for, many transfers are asked about together.
        unasked: list[Transfer] = []
        async for owner, ledger in stores.points.ledgers_of(owners):
            found = _differences(ledger, accounts[owner], users.get(owner), terms, now)
            problems += [f"{owner}: {problem}" for problem in (*found, *_overdrawn(ledger))]
            looked_at += len(ledger)
            unasked += ledger
            if len(unasked) >= PAGE:
                problems += await _unfounded(unasked, stores)
                unasked = []
        problems += await _unfounded(unasked, stores)
        after = owners[-1]
    return f"{looked_at} transfers", problems


async def _unfounded(transfers: Sequence[Transfer], stores: Stores) -> list[str]:
    """Return transfers without the event, the entry or the order that they are for."""
    events = {each.id: _event(each) for each in transfers if each.reason is Reason.EARNED}
    entries = {
        each.id: each.id.removeprefix("lottery:")
        for each in transfers
        if each.reason is Reason.ENTERED
    }
    ordered = [
        each
        for each in transfers
        if each.reason in (Reason.PROMOTION, Reason.REDEEMED) and each.order is not None
    ]
    there = await stores.traces.existing("events", list(events.values()))
    there |= await stores.traces.existing("entries", list(entries.values()))
    attempts = await stores.checks.attempts([each.order for each in ordered if each.order])
    lost = [transfer for transfer, what in (events | entries).items() if what not in there]
    for each in ordered:
        attempt = attempts.get(each.order or "")
        if attempt is None or (each.reason is Reason.REDEEMED and not each.id.endswith(attempt)):
            lost.append(each.id)
    return [f"transfer {transfer}: what moved the points is not there" for transfer in lost]


def _event(transfer: Transfer) -> str:
    return transfer.id.removeprefix("earn:").rpartition(":")[0]


def _differences(
    ledger: Sequence[Transfer], account: Account, user: User | None, terms: Terms, now: datetime
) -> Iterator[str]:
    """Yield how the account, and what rules see of it, differ from the ledger."""
    if account.due_at is not None and account.due_at <= now:
        return  # time has just changed it; what waits for too long is stuck
    standing = replay(ledger, now)
    posted = sum(each.points for each in ledger)
    if standing.corrections or standing.balance != posted:
        yield f"the ledger has {posted} points and replays to {standing.balance}"
    if account.balance != posted:
        yield f"the ledger has {posted} points, the account {account.balance}"
    if user is not None and user.points != account.balance:
        yield f"the account has {account.balance} points, rules see {user.points}"
    if user is not None and user.tier != account.tier:
        yield f"the account is {account.tier}, rules see {user.tier}"
    tier, _ = tier_of(standing.lots, terms, now)
    if account.terms == terms.name and account.tier != tier:
        yield f"the account is {account.tier}, and its points make {tier}"


def _overdrawn(ledger: Sequence[Transfer]) -> Iterator[str]:
    """Yield lots that were used more than once, and whether more was spent than there was."""
    moved = {each.id: each.points for each in ledger if each.reason in GAINS | SPENDINGS}
    corrected: dict[str, int] = defaultdict(int)
    for each in ledger:
        if each.reason in _CORRECTIONS and each.of is not None:
            corrected[each.of] += each.points
    for of, points in corrected.items():
        left = moved.get(of, 0) + points
        if of not in moved or left * moved[of] < 0 or abs(left) > abs(moved[of]):
            yield f"{of} moved {moved.get(of, 0)} points, and {points} against it"
    balance = sum(each.points for each in ledger)
    taken = -sum(each.points for each in ledger if each.reason is Reason.TAKEN_BACK)
    if balance < -taken:
        yield f"{-balance} points too many were spent, and only {taken} were taken back"
