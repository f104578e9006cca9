"""What people are told of their points: how many, until when, and where they came from and went."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.loyalty.replay import Lot, replay
from engine.loyalty.terms import terms_of
from engine.loyalty.tiers import Progress, next_tier, tier_of
from models.paging import Page, Window
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
    """Return what someone has, to themselves and to the shop's own people. Raises NotFound."""
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
    user_id: str, window: Window, *, caller: Principal, stores: Stores
) -> Page[Line]:
    """Return a page of someone's ledger, the newest first. Raises NotFound, as `standing` does."""
    await people.see(user_id, caller=caller, stores=stores)
    page = await stores.points.page(user_id, window)
    if not page.items:
        return Page(items=(), more=page.more)
    newest = page.items[0]
    balance = await stores.points.sum_until(user_id, newest)
    lines: list[Line] = []
    for each in page.items:
        lines.append(Line(each, balance))
        balance -= each.points
    return Page(items=lines, more=page.more)
