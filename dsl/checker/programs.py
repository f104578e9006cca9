"""All files to one program: facts and names first, then everything that uses them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from dsl import nodes
from dsl.builtin import cart_of
from dsl.checker import (
    campaigns,
    declarations,
    examples,
    expressions,
    facts,
    offers,
    promotions,
    remains,
    rivals,
    segments,
    triggers,
)
from dsl.checker.clauses import UNBOUND, Binding
from dsl.checker.report import Report
from dsl.checker.scopes import Scope
from dsl.checker.world import Node, World
from dsl.core import Const
from dsl.diagnostics import Diagnostic, SourceFile
from dsl.parser import parse
from dsl.program import Program, Settings

DEFAULTS = Settings()

Lowered = TypeVar("Lowered")


@dataclass(frozen=True, slots=True)
class Checked:
    """A program, or None where there are errors, with all that was found and the parsed files."""

    program: Program | None
    diagnostics: tuple[Diagnostic, ...]
    files: tuple[nodes.File, ...]


def check(sources: Sequence[SourceFile], settings: Settings = DEFAULTS) -> Checked:
    """Check files as one program. Never raises on bad input; says everything that is wrong."""
    parsed = [parse(source) for source in sources]
    report = Report(diagnostic for one in parsed for diagnostic in one.diagnostics)
    files = tuple(one.file for one in parsed)
    written = [declaration for file in files for declaration in file.declarations]
    program = _program(written, settings, report)
    found = report.sorted([source.name for source in sources])
    return Checked(None if report.errors else program, found, files)


def _program(written: Sequence[nodes.Declaration], settings: Settings, report: Report) -> Program:
    world = world_of(written, settings, report)
    bound = campaigns.lowered(world)
    binding = campaigns.bindings(bound)
    judged = segments.lowered(world)
    priced = _lowered(nodes.Promotion, promotions.lowered, world, binding)
    started = _lowered(nodes.Trigger, triggers.lowered, world, binding)
    rivals.check_rivals(priced, world)
    remains.judge(written, world, binding)
    return Program(
        zone=world.zone,
        currency=world.currency,
        events=world.events,
        user=world.user,
        item=world.item,
        lists={name: elements.value for name, elements in world.lists.items()},
        campaigns=bound,
        segments=judged,
        promotions=priced,
        triggers=started,
        loyalty=offers.first_of(_lowered(nodes.Loyalty, offers.loyalty, world, binding)),
        flash_sales=_lowered(nodes.FlashSale, offers.flash_sale, world, binding),
        group_buys=_lowered(nodes.GroupBuy, offers.group_buy, world, binding),
        lotteries=_lowered(nodes.Lottery, offers.lottery, world, binding),
        examples=tuple(
            examples.lowered(node, world) for node in written if isinstance(node, nodes.Example)
        ),
    )


def world_of(written: Sequence[nodes.Declaration], settings: Settings, report: Report) -> World:
    """Return the facts and names that declarations make."""
    found = facts.gather(written, settings.currency, report)
    declarations.note_one_of_a_kind(written, report)
    published, every = declarations.published(written, report)
    world = World(
        report=report,
        zone=settings.zone,
        currency=found.currency,
        events=found.events,
        user=found.user,
        item=found.item,
        cart=cart_of(found.item),
        lists={},
        published=published,
        written=every,
        broken=declarations.broken(written),
    )
    plain = Scope(world, "a list", "a list has plain values", {}, world.zone)
    lists = []
    for node in written:
        if isinstance(node, nodes.NamedList):
            elements = expressions.lower(node.elements, plain)
            if isinstance(elements, Const):
                lists.append((node, elements))
    return replace(world, lists=declarations.lists(lists, report))


def _lowered(
    kind: type[Node],
    lower: Callable[[Node, World, Binding], Lowered | None],
    world: World,
    bindings: Mapping[str, Binding],
) -> dict[str, Lowered]:
    """Lower every declaration of a kind, each bound by its file's campaign."""
    found: dict[str, Lowered] = {}
    for node in world.all_of(kind):
        lowered = lower(node, world, bindings.get(node.span.file, UNBOUND))
        if lowered is not None and world.is_kept(node):
            found[node.name.text] = lowered
    return found
