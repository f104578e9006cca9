"""Points: transfers are added to the ledger once, and accounts kept to what it comes to.

    transfers, by what they are ─► corrections that follow ─► account ─► what rules see of it

Every part may be repeated: whoever calls `post` repeats it until it has returned. An account is
never counted up, always made anew from the whole ledger; it is written only if nobody has written
it since it was read, so the last to add something sees what all the others have added.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from engine.loyalty.replay import Standing, replay
from engine.loyalty.terms import Terms, expiry, terms_of
from engine.loyalty.tiers import tier_of
from models.errors import Conflict
from models.feed import FeedEntry
from models.points import Account, Reason, Transfer
from models.store import Stores
from models.store.points import Points
from services.rulebook import Published
from services.together import Together

TRIES = 50
PAGE = 200
_AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Award:
    """Points that a journey gives. `key` is what it is, such as "run:step": it is given once.

    `at` is when it was decided, and `rules` are those that it was decided under: they say how long
    the points last.
    """

    key: str
    user_id: str
    points: int
    at: datetime
    rules: Published
    campaign_id: str | None = None
    about: Mapping[str, Any] = field(default_factory=dict)


async def award(award: Award, *, stores: Stores, current: Published, now: datetime) -> None:
    """Give someone points, once for each key. Safe to repeat."""
    await award_all([award], stores=stores, current=current, now=now)


async def award_all(
    awards: Iterable[Award], *, stores: Stores, current: Published, now: datetime
) -> None:
    """Give points, once for each key. Safe to repeat; nothing is owed once this has returned.

    This is what a journey's step `award N points` comes to: a page's effects in one call, before
    the runs that decided on them are settled. `current` is what is live: its tiers count.
    """
    await post(
        [
            Transfer(
                id=f"award:{each.key}",
                user_id=each.user_id,
                reason=Reason.AWARDED,
                points=each.points,
                at=each.at,
                expires_at=expiry(each.rules.program, each.at),
                campaign_id=each.campaign_id,
                about=each.about,
            )
            for each in awards
        ],
        stores=stores,
        current=current,
        now=now,
    )


async def post(
    transfers: Sequence[Transfer], *, stores: Stores, current: Published, now: datetime
) -> None:
    """Add transfers to the ledger, and all that follows from them. Safe to repeat.

    Callers of one moment share what is read and written.
    """
    if not transfers:
        return
    posting = _POSTING.get(stores.points)
    if posting is None:
        posting = _POSTING[stores.points] = Together(partial(_post, stores))
    await posting(_Posting(transfers, current, now))


@dataclass(frozen=True, slots=True)
class _Posting:
    transfers: Sequence[Transfer]
    current: Published
    now: datetime


_POSTING: WeakKeyDictionary[Points, Together[_Posting, None]] = WeakKeyDictionary()


async def _post(stores: Stores, postings: Sequence[_Posting]) -> list[None]:
    transfers = [transfer for each in postings for transfer in each.transfers]
    current = max((each.current for each in postings), key=lambda current: current.number)
    now = max(each.now for each in postings)
    await asyncio.gather(stores.points.add(transfers), stores.outbox.add(_entries(transfers)))
    await refresh([each.user_id for each in transfers], stores=stores, current=current, now=now)
    return [None] * len(postings)


async def refresh(
    user_ids: Iterable[str], *, stores: Stores, current: Published, now: datetime
) -> None:
    """Bring people's accounts to what their ledgers come to now. Safe to repeat, also at once."""
    users = sorted(set(user_ids))
    for place in range(0, len(users), PAGE):
        waiting = users[place : place + PAGE]
        for _ in range(TRIES):
            waiting = await _refresh(waiting, terms_of(current.program), stores, now)
            if not waiting:
                break
        else:
            raise Conflict("Too much happens to this account at once; try again.", code="BUSY")


async def _refresh(
    user_ids: Sequence[str], terms: Terms, stores: Stores, now: datetime
) -> list[str]:
    """Do so for these people; return those whose accounts are to be looked at again."""
    # The accounts first: what is added to a ledger after that comes with a newer account.
    accounts = await stores.accounts.find_many(user_ids)
    ledgers = await stores.points.of_users(user_ids)
    corrections: dict[str, Sequence[Transfer]] = {}
    made: list[Account] = []
    for user_id in user_ids:
        before, ledger = accounts[user_id], ledgers[user_id]
        standing = replay(ledger, now)
        if standing.corrections:
            corrections[user_id] = standing.corrections
        made.append(_made(before, ledger, standing, terms, now))
    changed = [account for account in made if account != accounts[account.user_id]]
    # Due at once until all that follows is done: should we be killed, it is found again.
    begun = [replace(account, due_at=_AT_ONCE) for account in changed]
    lost = await stores.accounts.save(begun)
    extra = [each for user_id in corrections.keys() - lost for each in corrections[user_id]]
    await stores.points.add(extra)
    kept = [each for each in made if each.version and each.user_id not in lost | corrections.keys()]
    await asyncio.gather(
        stores.outbox.add(_entries(extra)),
        stores.outbox.add(entry for account in kept for entry in account.untold),
        stores.users.keep_points(kept),
    )
    await stores.accounts.settle([account for account in kept if account in changed])
    return sorted(lost | corrections.keys())


def _made(
    before: Account, ledger: Sequence[Transfer], standing: Standing, terms: Terms, now: datetime
) -> Account:
    """Return the account as the ledger has it; the same one if nothing is new."""
    tier, until = tier_of(standing.lots, terms, now)
    known = {each.id for each in ledger}
    after = replace(
        before,
        balance=standing.balance,
        tier=tier,
        terms=terms.name,
        due_at=min((at for at in (until, standing.expires_next) if at), default=None),
        holds=tuple(hold for hold in before.holds if hold.transfer.id not in known),
    )
    if after == before and not standing.corrections:
        return before
    untold = (*before.untold, *_turned(before, after, now))
    return replace(after, version=before.version + 1, untold=untold)


async def look_after(*, stores: Stores, current: Published, now: datetime) -> int:
    """Let points expire and tiers fall whose time has come; return how many accounts that were.

    Also brings to the tiers that are live whoever was judged by others. Safe to repeat.
    """
    looked_at = 0
    terms = terms_of(current.program).name
    while users := await stores.accounts.due(now, limit=PAGE):
        await refresh(users, stores=stores, current=current, now=now)
        looked_at += len(users)
    while users := await stores.accounts.judged_otherwise(terms, limit=PAGE):
        await refresh(users, stores=stores, current=current, now=now)
        looked_at += len(users)
    return looked_at


def _turned(before: Account, after: Account, now: datetime) -> tuple[FeedEntry, ...]:
    if before.tier == after.tier:
        return ()
    data = {"from": before.tier, "to": after.tier}
    key = f"tier:{before.user_id}:{before.version + 1}"
    return (FeedEntry(key, "tier.changed", now, None, before.user_id, data),)


def _entries(transfers: Iterable[Transfer]) -> Iterable[FeedEntry]:
    for each in transfers:
        if each.points:
            # Promotions award as journeys do; the entry names which it was.
            reason = Reason.AWARDED if each.reason is Reason.PROMOTION else each.reason
            yield FeedEntry(
                f"points:{each.id}",
                f"points.{reason.value}",
                each.at,
                each.campaign_id,
                each.user_id,
                {**each.about, "points": each.points, "transfer": each.id},
            )
