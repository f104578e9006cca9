"""Ask a condition of a whole collection: compile it to an aggregation pipeline over users.

Must agree with dsl.evaluator on every condition: tests/dsl/test_backends.py sees to it.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from dsl.core import AllOf, Expr, InSegment, Ref
from dsl.moment import Moment
from dsl.mongo.exact import exact
from dsl.mongo.expressions import condition
from dsl.mongo.layout import Layout
from dsl.mongo.lookups import Lookups, Stage
from dsl.mongo.places import Place
from dsl.mongo.prefilter import Filter, necessary
from dsl.mongo.terms import Code, all_of


def to_mongo(expr: Expr, layout: Layout, moment: Moment) -> list[Stage]:
    """Return stages that leave exactly the users for whom a condition holds.

    Raises NotPushable where the database would not give the interpreter's answer.
    """
    lookups = Lookups(layout)
    place = Place(moment, layout, lookups.add)
    fields = partial(_field, layout)
    filters: list[Filter] = []
    waiting: list[tuple[set[str], Code]] = []
    for conjunct, where in conjuncts(expr, place):
        found = exact(conjunct, fields, where)
        if found is None:
            lookups.used = set()
            waiting.append((lookups.used, condition(conjunct, where)))
            narrower = necessary(conjunct, fields, where)
            found = [] if narrower is None else [narrower]
        filters += [one for one in found if one not in filters]
    # What a lookup uses must be there before it: those of lesser depth come first anyway.
    there: set[str] = set()
    stages, waiting = _decided(waiting, there, filters)
    for lookup in lookups.in_order():
        stages += lookup.stages(layout, moment.now)
        there.add(lookup.name)
        decided, waiting = _decided(waiting, there, [])
        stages += decided
    if there:
        stages.append({"$unset": sorted(there)})
    return stages


def prefilter(expr: Expr, layout: Layout, moment: Moment) -> Filter:
    """Return a filter that every user for whom a condition holds matches, and indexes can serve."""
    return narrowed(expr, layout, Place(moment, layout, Lookups(layout).add)) or {}


def narrowed(expr: Expr, layout: Layout, place: Place) -> Filter | None:
    """Return the filter of `prefilter`, or None if there is none."""
    return necessary(expr, partial(_field, layout), place)


def _field(layout: Layout, ref: Ref) -> str | None:
    return None if ref.root == "element" else layout.fact(ref.root, ref.path)


def conjuncts(expr: Expr, place: Place) -> Iterator[tuple[Expr, Place]]:
    """Split a condition into those that must all hold, so that the cheap ones are asked first."""
    match expr:
        case AllOf(operands):
            for operand in operands:
                yield from conjuncts(operand, place)
        case InSegment(name) if place.layout.segments is None and name not in place.segments:
            segment = place.moment.program.segments.get(name)
            if segment is None:
                yield expr, place
                return
            within = replace(
                place, moment=place.moment.in_workspace, segments=place.segments | {name}
            )
            yield from conjuncts(segment.condition, within)
        case _:
            yield expr, place


def _decided(
    waiting: list[tuple[set[str], Code]], there: set[str], filters: list[Filter]
) -> tuple[list[Stage], list[tuple[set[str], Code]]]:
    """Return a $match of the conditions whose lookups have all run, and those still waiting."""
    ready = [code for needs, code in waiting if needs <= there]
    rest = [(needs, code) for needs, code in waiting if not needs <= there]
    if ready:
        filters = [*filters, {"$expr": all_of(ready)}]
    if not filters:
        return [], rest
    return [{"$match": filters[0] if len(filters) == 1 else {"$and": filters}}], rest
