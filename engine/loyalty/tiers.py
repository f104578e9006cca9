"""Which tier points give: those gained in a window that ends now, spent or not."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from dsl.offers import Tier
from engine.loyalty.replay import Lot
from engine.loyalty.terms import Terms, after


def tier_of(lots: Iterable[Lot], terms: Terms, now: datetime) -> tuple[str | None, datetime | None]:
    """Return the highest tier that is reached, and until when if nothing more is gained.

    Points count from when they were gained until exactly a tier's length of time later.
    """
    gained = [lot for lot in lots if lot.points]
    for tier in reversed(terms.tiers):
        until = _until(tier, gained, terms.zone, now)
        if until is not None:
            return tier.name, until
    return None, None


@dataclass(frozen=True, slots=True)
class Progress:
    """A tier that is not reached yet, and how many points it takes."""

    tier: str
    missing: int


def next_tier(lots: Iterable[Lot], terms: Terms, now: datetime) -> Progress | None:
    """Return the next tier above the one that is reached, if there is one."""
    gained = [lot for lot in lots if lot.points]
    above: Progress | None = None
    for tier in reversed(terms.tiers):
        counted = (lot.points for lot in gained if after(lot.at, tier.within, terms.zone) > now)
        missing = tier.points - sum(counted)
        if missing <= 0:
            break
        above = Progress(tier.name, missing)
    return above


def _until(tier: Tier, gained: Iterable[Lot], zone: str, now: datetime) -> datetime | None:
    """Return when too few points are left in the tier's window; None if that is so now."""
    leaving = [(after(lot.at, tier.within, zone), lot.points) for lot in gained]
    leaving = sorted(each for each in leaving if each[0] > now)
    total = sum(points for _, points in leaving)
    if total < tier.points:
        return None
    for at, points in leaving:
        total -= points
        if total < tier.points:
            return at
    return None  # a tier at no points at all, which the checker does not let through
