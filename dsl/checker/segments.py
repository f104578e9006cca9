"""Segments: their conditions, and that none of them leads back to itself."""

from collections.abc import Iterator, Mapping

from dsl import nodes
from dsl.checker.expressions import condition
from dsl.checker.report import Report
from dsl.checker.scopes import segment_scope
from dsl.checker.world import World
from dsl.core import Aggregate, AllOf, AnyOf, Apply, Expr, InSegment, Not
from dsl.program import Segment


def lowered(world: World) -> dict[str, Segment]:
    """Return all segments, having said which refer to each other in a cycle."""
    scope = segment_scope(world)
    segments: dict[str, Segment] = {}
    for node in world.all_of(nodes.Segment):
        name, judged = node.name.text, condition(node.condition, scope)
        title = None if node.title is None else node.title.value
        if world.is_kept(node):
            segments[name] = Segment(name, judged, title, span=node.span)
    _say_cycles(segments, world.report)
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


def _say_cycles(segments: Mapping[str, Segment], report: Report) -> None:
    """Say of each cycle once where it closes. A chain may be as long as there are segments."""
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
