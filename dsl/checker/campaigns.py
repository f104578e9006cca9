"""Campaigns: what a file's campaign is, and what it gives to each member."""

from collections.abc import Mapping

from dsl import nodes
from dsl.checker.clauses import (
    UNBOUND,
    Binding,
    Clauses,
    active_of,
    budget_of,
    goal_of,
    holdout_of,
    zone_of,
)
from dsl.checker.scopes import segment_scope
from dsl.checker.world import World
from dsl.program import Campaign


def lowered(world: World) -> dict[str, Campaign]:
    """Return all campaigns by name."""
    campaigns = [(node, lowered_one(node, world)) for node in world.all_of(nodes.Campaign)]
    return {node.name.text: lowered for node, lowered in campaigns if world.is_kept(node)}


def lowered_one(node: nodes.Campaign, world: World) -> Campaign:
    """Return a campaign, having said what is wrong with it."""
    clauses = Clauses(node.name, "campaign", node.clauses, world.report)
    zone, budget = zone_of(clauses), budget_of(clauses)
    return Campaign(
        name=node.name.text,
        title=None if node.title is None else node.title.value,
        active=active_of(clauses, zone, world.zone, UNBOUND),
        budget=None if budget is None else budget[0],
        holdout=holdout_of(clauses),
        goal=goal_of(clauses, segment_scope(world)),
        span=node.span,
    )


def bindings(campaigns: Mapping[str, Campaign]) -> dict[str, Binding]:
    """Return what each file's campaign gives to the file's members."""
    given: dict[str, Binding] = {}
    for campaign in campaigns.values():
        currency = None if campaign.budget is None else campaign.budget.currency
        binding = Binding(campaign.name, campaign.active, campaign.goal, currency)
        given.setdefault(campaign.span.file, binding)
    return given
