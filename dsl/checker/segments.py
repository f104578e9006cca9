"""Segments: their conditions, and that none of them leads back to itself."""

from collections.abc import Iterator, Mapping

from dsl import nodes
from dsl.checker.cost import MOST_STEPS, steps_of
from dsl.checker.expressions import condition
from dsl.checker.report import Report
from dsl.checker.scopes import segment_scope
from dsl.checker.world import World
from dsl.core import Aggregate, AllOf, AnyOf, Apply, Expr, InSegment, Not
from dsl.program import Segment

# Each is judged within the one that refers to it.
MOST_DEPTH = 64


def lowered(world: World) -> dict[str, Segment]:
    """Return all segments, having said which refer to each other in a cycle."""
    scope = segment_scope(world)
    segments: dict[str, Segment] = {}
    for node in world.all_of(nodes.Segment):
        name, judged = node.name.text, condition(node.condition, scope)
        title = None if node.title is None else node.title.value
        if world.is_kept(node):
            segments[name] = Segment(name, judged, title, span=node.span)
    if not _say_cycles(segments, world.report):
        _say_too_deep(segments, world.report)
    return segments


def memberships(expr: Expr) -> Iterator[InSegment]:
    """Yield every `in segment` of an expression."""
    match expr:
        case InSegment():
            yield expr
        case Not(operand):
            yield from memberships(operand)
        case AllOf(operands) | AnyOf(operands) | Apply(_, operands):
            for operand in operands:
                yield from memberships(operand)
        case Aggregate(where=where) if where is not None:
            yield from memberships(where)
        case _:
            return


def _say_too_deep(segments: Mapping[str, Segment], report: Report) -> None:
    """Say the first that refers to others too deep, or takes too long with all it refers to."""
    depths: dict[str, int] = {}
    steps: dict[str, int] = {}
    for name in _from_the_bottom(segments):
        members = list(memberships(segments[name].condition))
        known = [member for member in members if member.segment in depths]
        depths[name] = 1 + max((depths[member.segment] for member in known), default=0)
        inner = sum(steps[member.segment] for member in known)
        own = steps_of(segments[name].condition)
        steps[name] = own + inner
        if depths[name] > MOST_DEPTH:
            deepest = max(known, key=lambda member: depths[member.segment])
            message = f"segments refer to each other more than {MOST_DEPTH} deep here"
            report.error("E200", deepest.span, message)
            return
        if own > MOST_STEPS:
            return  # told where it was judged
        if steps[name] > MOST_STEPS:
            message = f"segment `{name}` would take too long to judge, with all it refers to"
            report.error("E200", segments[name].span, message)
            return


def _from_the_bottom(segments: Mapping[str, Segment]) -> list[str]:
    """Return the names so that each comes after those it refers to."""
    ordered: dict[str, None] = {}
    for start in segments:
        pending = [start]
        while pending:
            name = pending[-1]
            inner = [m.segment for m in memberships(segments[name].condition)]
            missing = [n for n in inner if n in segments and n not in ordered]
            if missing and name not in ordered:
                pending += missing
            else:
                ordered[pending.pop()] = None
    return list(ordered)


def _say_cycles(segments: Mapping[str, Segment], report: Report) -> bool:
    """Say of each cycle once where it closes, and whether there is any."""
    before = report.errors
    done: set[str] = set()
    for start in segments:
        if start in done:
            continue
        path: dict[str, Iterator[InSegment]] = {start: memberships(segments[start].condition)}
        while path:
            name, pending = next(reversed(path.items()))
            member = next(pending, None)
            if member is None:
                done.add(name)
                del path[name]
            elif member.segment in path:
                names = list(path)
                cycle = [*names[names.index(member.segment) :], member.segment]
                way = " → ".join(f"`{step}`" for step in cycle)
                message = f"segment `{member.segment}` is defined by itself, a cycle"
                report.error("E213", member.span, message, way if len(cycle) > 2 else "")
            elif member.segment in segments and member.segment not in done:
                path[member.segment] = memberships(segments[member.segment].condition)
    return report.errors > before
