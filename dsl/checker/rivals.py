"""Promotions beside each other: groups, and those that another always keeps from applying."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from dsl import nodes
from dsl.checker.reasoning import implies
from dsl.checker.report import Report
from dsl.checker.world import World
from dsl.core import AllOf, Apply, Expr, Not, Ref
from dsl.diagnostics import Span
from dsl.promotions import Promotion, Take

# Beyond this, comparing each with each would take longer than it is worth.
MOST_RIVALS = 200


def check_rivals(promotions: Mapping[str, Promotion], world: World) -> None:
    """Judge groups, and warn of promotions that can never apply for another's sake."""
    groups: dict[str, list[Promotion]] = defaultdict(list)
    for promotion in promotions.values():
        if group := promotion.best_of or promotion.first_of:
            groups[group].append(promotion)
    for group, members in groups.items():
        _check_group(group, members, world)
        _check_shadows(members, world.report)
    _check_shadows([p for p in promotions.values() if p.exclusive], world.report)


def _check_group(group: str, members: list[Promotion], world: World) -> None:
    first = members[0]
    clause = "best of" if first.best_of else "first of"
    for member in members[1:]:
        if (member.best_of is None) != (first.best_of is None):
            span = _group_span(member, world)
            message = f"group `{group}` is `{clause}` in `{first.name}`"
            world.report.error("E247", span, message, "a group is one or the other")
    if len(members) == 1 and not world.broken.keywords:
        message = f"`{first.name}` is alone in group `{group}`"
        world.report.warning("W306", _group_span(first, world), message, "is the name right?")


def _group_span(promotion: Promotion, world: World) -> Span:
    node = world.published[promotion.name]
    clauses: Iterable[nodes.Node] = node.clauses if isinstance(node, nodes.Promotion) else ()
    for clause in clauses:
        if isinstance(clause, nodes.BestOf | nodes.FirstOf):
            return clause.span
    return promotion.span


def _check_shadows(rivals: list[Promotion], report: Report) -> None:
    for loser in rivals[:MOST_RIVALS]:
        for winner in rivals[:MOST_RIVALS]:
            if winner is not loser and _always_shadows(winner, loser):
                message = f"`{loser.name}` never applies: `{winner.name}` always comes before it"
                hint = "give it a condition of its own, or another rank"
                report.warning("W304", loser.span, message, hint)
                break


def _always_shadows(winner: Promotion, loser: Promotion) -> bool:
    """Whether the winner is there and preferred wherever the loser could apply."""
    return (
        _is_never_used_up(winner)
        and winner.currency in (None, loser.currency)
        and (not (winner.codes or winner.unique_codes) or _asks_the_same(winner, loser))
        and all(window in loser.active for window in winner.active)
        and _is_implied(winner.audience, loser.audience)
        and _is_implied(winner.when, loser.when)
        and not _names_remaining(winner.when)
        and _is_preferred(winner, loser)
    )


def _is_never_used_up(promotion: Promotion) -> bool:
    is_capped = promotion.limits or promotion.budget or promotion.holdout
    return not is_capped and not promotion.unique_codes


def _asks_the_same(winner: Promotion, loser: Promotion) -> bool:
    return set(loser.codes) <= set(winner.codes) and bool(loser.codes)


def _is_implied(wanted: Expr | None, given: Expr | None) -> bool:
    if wanted is None or wanted == given:
        return True
    return given is not None and implies(given, wanted)


def _names_remaining(expr: Expr | None) -> bool:
    match expr:
        case Ref("cart", ("remaining", *_)):
            return True
        case Apply(_, operands) | AllOf(operands):
            return any(_names_remaining(operand) for operand in operands)
        case Not(operand):
            return _names_remaining(operand)
        case None:
            return False
        case _:
            # An aggregate or an alternative may name it too: then nothing is claimed.
            return "remaining" in repr(expr)


def _is_preferred(winner: Promotion, loser: Promotion) -> bool:
    ranks_higher = (-winner.priority, winner.name) < (-loser.priority, loser.name)
    if winner.first_of is not None:
        return ranks_higher
    match winner.effects, loser.effects:
        case (Take() as mine,), (Take() as theirs,):
            # Under one cap both may take the same: then it is rank that decides.
            return _takes_at_least(mine, theirs) and (
                ranks_higher or (mine.cap is None and not _takes_at_least(theirs, mine, caps=False))
            )
        case _:
            return False


def _takes_at_least(mine: Take, theirs: Take, *, caps: bool = True) -> bool:
    if mine.target != theirs.target:
        return False
    if caps and mine.cap is not None and mine.cap != theirs.cap:
        return False
    if mine.off.percent is not None and theirs.off.percent is not None:
        return mine.off.percent >= theirs.off.percent
    if mine.off.amount is not None and theirs.off.amount is not None:
        return mine.off.amount.minor >= theirs.off.amount.minor
    return False
