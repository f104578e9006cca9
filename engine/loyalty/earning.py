"""What an event earns, and how much of an order it is."""

from collections.abc import Iterator, Mapping
from typing import Any

from dsl import MISSING, Moment, value
from dsl.offers import Earn
from dsl.program import Program
from engine.chance import held_out
from engine.effects import Facts
from engine.journeys import matches
from engine.multiples import full_multiples
from engine.schedule import is_active
from models.event import Event
from models.points import Extent


def gains(event: Event, facts: Facts, program: Program) -> Iterator[tuple[int, int]]:
    """Yield the place of each rule of the programme that an event earns by, and the points."""
    loyalty = program.loyalty
    if loyalty is None:
        return
    moment = Moment(event.at, program.zone, program)
    campaign = program.campaigns.get(loyalty.campaign) if loyalty.campaign else None
    if campaign is not None:
        if not is_active(campaign.active, moment):
            return
        if campaign.holdout and held_out(event.user_id, campaign.name, campaign.holdout):
            return
    for place, rule in enumerate(loyalty.earn):
        if matches(rule.event, event, facts, moment):
            points = _points(rule, event, facts, moment)
            if points:
                yield place, points


def extent_of(event: Event) -> Extent:
    """Return how much an order is, or came back of one: its money, and the number of its units."""
    items = [item for item in event.data.get("items") or () if isinstance(item, Mapping)]
    total = event.data.get("total")
    return Extent(
        total if isinstance(total, int) else _sum(items, "amount"), _sum(items, "quantity")
    )


def _points(rule: Earn, event: Event, facts: Facts, moment: Moment) -> int:
    if rule.of is None or not rule.per:
        return rule.points
    measure = value(rule.of, facts, moment, event.facts())
    return 0 if measure is MISSING else rule.points * full_multiples(measure, rule.per)


def _sum(items: list[Mapping[str, Any]], name: str) -> Any:
    """Return what the items have together, None unless each of them says."""
    found = [item.get(name) for item in items]
    return sum(found) if found and all(isinstance(each, int | float) for each in found) else None
