"""What is left of declarations with syntax errors: what else is wrong in them is told too."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from dsl import nodes
from dsl.checker import campaigns, examples, offers, promotions, triggers
from dsl.checker.clauses import UNBOUND, Binding
from dsl.checker.expressions import condition
from dsl.checker.report import Report
from dsl.checker.scopes import segment_scope
from dsl.checker.world import World
from dsl.diagnostics import Diagnostic, Severity

# What a declaration lacks, and arms that do not make a whole: that may be in the clauses in error.
_OF_THE_WHOLE = frozenset(("E241", "E243"))
_NO_SUCH_NAME = "E201"


def judge(
    written: Sequence[nodes.Declaration], world: World, bindings: Mapping[str, Binding]
) -> None:
    """Say what is wrong in the clauses beside those in error."""
    misread = tuple(world.report.found)
    for node in written:
        if isinstance(node, nodes.Broken) and node.rest is not None:
            aside = Report()
            binding = bindings.get(node.span.file, UNBOUND)
            _judge_one(node.rest, replace(world, report=aside), binding)
            for found in aside.found:
                if _stands(found, misread):
                    world.report.error(found.code, found.span, found.message, found.hint)


def _judge_one(node: nodes.Declaration, world: World, binding: Binding) -> None:
    match node:
        case nodes.Campaign():
            campaigns.lowered_one(node, world)
        case nodes.Segment():
            condition(node.condition, segment_scope(world))
        case nodes.Promotion():
            promotions.lowered(node, world, binding)
        case nodes.Trigger():
            triggers.lowered(node, world, binding)
        case nodes.Loyalty():
            offers.loyalty(node, world, binding)
        case nodes.FlashSale():
            offers.flash_sale(node, world, binding)
        case nodes.GroupBuy():
            offers.group_buy(node, world, binding)
        case nodes.Lottery():
            offers.lottery(node, world, binding)
        case nodes.Example():
            examples.lowered(node, world)
        case _:
            pass  # what facts there are is open where one of them is in error


def _stands(found: Diagnostic, misread: Sequence[Diagnostic]) -> bool:
    """Whether a finding is an error of its own: nothing that it is about was misread."""
    if found.severity is not Severity.ERROR or found.code in _OF_THE_WHOLE:
        return False
    # `for segment vip`: what was taken for a name just before the error may be none.
    reach = 2 if found.code == _NO_SUCH_NAME else 0
    return not any(
        other.span.file == found.span.file
        and other.span.start < found.span.end + reach
        and found.span.start < other.span.end
        for other in misread
    )
