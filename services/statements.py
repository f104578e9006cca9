"""What people are told of their points: how many, until when, and where they came from and went."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.loyalty.replay import Lot, replay
from engine.loyalty.terms import terms_of
from engine.loyalty.tiers import Progress, next_tier, tier_of
from models.paging import EVER, Page, Span, Window
from models.points import Transfer
from models.principal import Principal
from models.store import Stores
from services import people, spending
from services.rulebook import Rulebook

MOST_LOTS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Someone's points now. `available` is what is not held for a spending under way.

    `expiring` are the points that will expire, the first to do so first.
    """

    balance: int
    available: int
    tier: str | None
    tier_until: datetime | None
    next_tier: Progress | None
    expiring: Sequence[Lot]


@dataclass(frozen=True, slots=True)
class Line:
    """A transfer, and the balance after it."""

    transfer: Transfer
    balance: int


async def standing(
    user_id: str, *, caller: Principal, stores: Stores, rulebook: Rulebook, now: datetime
) -> Standing:
    """Return what someone has, to whoever may ask about them. Raises NotFound."""
    await people.see(user_id, caller=caller, stores=stores)
    terms = terms_of((await rulebook.current()).program)
    account, ledger = await spending.read(user_id, stores=stores)
    found = replay(ledger, now)
    tier, until = tier_of(found.lots, terms, now)
    expiring = [lot for lot in found.lots if lot.left and lot.expires_at is not None]
    return Standing(
        balance=found.balance,
        available=spending.left(account, ledger, now),
        tier=tier,
        tier_until=until,
        next_tier=next_tier(found.lots, terms, now),
        expiring=sorted(expiring, key=lambda lot: (lot.expires_at, lot.id))[:MOST_LOTS],
    )


async def statement(
    user_id: str, window: Window, moved: Span = EVER, *, caller: Principal, stores: Stores
) -> Page[Line]:
    """Return a page of what moved someone's points then, the newest first unless the window says.

    Raises NotFound, as `standing` does.
    """
    await people.see(user_id, caller=caller, stores=stores)
    page = await stores.points.page(user_id, window, moved)
    if not page.items:
        return Page(items=(), more=page.more)
    rising = window.sorting is not None and not window.sorting.descending
    newest_first = page.items[::-1] if rising else page.items
    balance = await stores.points.sum_until(user_id, newest_first[0])
    lines: list[Line] = []
    for each in newest_first:
        lines.append(Line(each, balance))
        balance -= each.points
    return Page(items=lines[::-1] if rising else lines, more=page.more)
