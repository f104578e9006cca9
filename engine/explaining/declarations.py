"""Finding what a name declares, and giving an account of it."""

from difflib import get_close_matches

from dsl import explain
from dsl.core import InSegment
from engine.explaining.account import Account, condition
from engine.explaining.promotions import promotion_clauses
from engine.explaining.situation import Situation
from engine.explaining.triggers import trigger_clauses
from models.errors import Invalid


def account_of(name: str, situation: Situation) -> Account:
    """Say why what this name declares is for the situation or is not. Raises Invalid."""
    program = situation.program
    if (segment := program.segments.get(name)) is not None:
        tree = explain(InSegment(name), situation.seen(), situation.moment.in_workspace)
        return Account("segment", name, segment.title, (condition("members", tree),))
    if (promotion := program.promotions.get(name)) is not None:
        clauses = tuple(promotion_clauses(promotion, situation))
        return Account("promotion", name, promotion.title, clauses)
    if (trigger := program.triggers.get(name)) is not None:
        clauses = tuple(trigger_clauses(trigger, situation))
        return Account("trigger", name, trigger.title, clauses)
    known = [*program.segments, *program.promotions, *program.triggers]
    near = get_close_matches(name, known, 1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise Invalid(f"There is no segment, promotion or trigger {name}.{hint}", field=("name",))
