"""Who is held out, in words."""

from collections.abc import Iterator
from decimal import Decimal

from dsl.program import Campaign
from engine.chance import held_out
from engine.explaining.account import Clause


def holdouts(
    name: str, own: Decimal | None, campaign: Campaign | None, user_id: str
) -> Iterator[Clause]:
    """Yield a clause for each share of people that is held out of a declaration."""
    if own is not None:
        yield _holdout("holdout", own, held_out(user_id, name, own))
    if campaign is not None and campaign.holdout is not None:
        kept_out = held_out(user_id, campaign.name, campaign.holdout)
        yield _holdout(f"holdout of {campaign.name}", campaign.holdout, kept_out)


def _holdout(name: str, share: Decimal, kept_out: bool) -> Clause:
    where = "is one of them" if kept_out else "is not one of them"
    return Clause(name, not kept_out, f"{share:f}% of people never get it; this one {where}")
