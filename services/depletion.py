"""Telling the feed of budgets that are spent and limits that are reached, whenever they are.

A counter notes how often that has turned: an odd turn is a bound that is reached. The entry comes
before the note and is known by the turn, so whoever is killed in between tells nothing twice.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dsl import Program
from dsl.money import to_text
from engine.pricing.plan import plan
from models.feed import FeedEntry
from models.store import Stores
from models.store.counters import Total
from services.rulebook import Published

# A budget of which less than a hundredth is left serves nobody.
LEFT = 100


@dataclass(frozen=True, slots=True)
class Bound:
    """What may be used of something in all: so many uses, or so much money."""

    name: str
    campaign_id: str | None
    most: int
    data: Mapping[str, Any]
    is_budget: bool = False

    @property
    def noun(self) -> str:
        return "budget" if self.is_budget else "limit"

    @property
    def entry_type(self) -> str:
        return "budget.exhausted" if self.is_budget else "limit.reached"

    def is_reached(self, total: Total) -> bool:
        """Whether there is nothing left."""
        if self.is_budget:
            return (self.most - total.money) * LEFT < max(self.most, 1)
        return total.uses >= self.most


async def tell(published: Published, *, stores: Stores, now: datetime) -> None:
    """Tell of each bound of the live rules that has been reached since this was last asked."""
    bounds = list(_bounds(published))
    found = await stores.counters.totals({bound.name for bound in bounds})
    for bound in bounds:
        total = found.get(bound.name)
        if total is None:
            continue
        turn = total.turns.get(bound.noun, 0)
        reached = bound.is_reached(total)
        if reached == (turn % 2 == 1):
            continue
        if reached:
            key = f"{bound.entry_type}:{bound.name}:{turn}"
            entry = FeedEntry(key, bound.entry_type, now, bound.campaign_id, None, bound.data)
            await stores.outbox.add([entry])
        await stores.counters.turn(bound.name, bound.noun, turn)


def _bounds(published: Published) -> Iterator[Bound]:
    program = published.program
    for planned in plan(program).counted:
        name, promotion = planned.name, planned.promotion
        of, about = published.campaign_of.get(name), {"promotion": name}
        totals = [limit.count for limit in promotion.limits if limit.per != "user"]
        if totals:
            yield Bound(name, of, min(totals), about | {"limit": min(totals)})
        if promotion.budget is not None:
            yield _budget(name, of, promotion.budget, about)
    yield from _campaign_budgets(program, published.campaign_of)


def _campaign_budgets(program: Program, campaign_of: Mapping[str, str]) -> Iterator[Bound]:
    for name, campaign in program.campaigns.items():
        if campaign.budget is not None:
            yield _budget(name, campaign_of.get(name), campaign.budget, {"campaign": name})


def _budget(name: str, of: str | None, budget: Any, about: Mapping[str, Any]) -> Bound:
    money = {"budget": to_text(budget.minor, budget.currency), "currency": budget.currency}
    return Bound(name, of, budget.minor, {**about, **money}, is_budget=True)
