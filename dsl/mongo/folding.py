"""Events folded into what measures keep of each day, in the database: dsl.buckets.fold there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from dsl.core import Aggregate, EventSource
from dsl.days import day_offsets
from dsl.measures import Measure
from dsl.moment import Moment
from dsl.mongo.expressions import condition
from dsl.mongo.functions import offset_at
from dsl.mongo.layout import Layout
from dsl.mongo.lookups import Stage, parts_of
from dsl.mongo.places import Place
from dsl.mongo.terms import Code, has_type, let, when
from dsl.program import Program
from dsl.zones import EPOCH, to_ms

_FUNCTIONS = {
    "count": "count",
    "sum": "sum",
    "known": "avg",
    "low": "min",
    "high": "max",
    "set": "distinct",
    "first": "earliest",
    "last": "latest",
}
_REMOVE = "$$REMOVE"


@dataclass(frozen=True, slots=True)
class Folding:
    """How a measure comes of the events of a name: what each contributes, and what is made of it.

    `group` holds accumulators of the contribution by the suffix of their field, `value` what is
    kept in the end. Fields are named by the measure's id.
    """

    id: str
    event: str
    zone: str
    contribution: Code
    group: Mapping[str, Code]
    value: Code


def folding(measure: Measure, layout: Layout, program: Program) -> Folding:
    """Return how a measure is made in MongoDB. Raises NotPushable where it cannot be."""
    moment = Moment(EPOCH, program.zone, program)
    place = Place(moment, layout, _no_events, element=lambda path: "$" + layout.event_field(path))
    source, where, name = measure.source, measure.where, measure.id
    function = _FUNCTIONS[measure.slot]
    aggregate = Aggregate(function, source, measure.value, where, None, measure.kind)
    test = None if where is None or source.nested else condition(where, place)
    slot = "n" if measure.slot == "known" else ""
    ((operator, contribution),) = parts_of(aggregate, "", place)(test)[slot].items()
    field = "$" + name
    group = {"": {operator: field}}
    if measure.slot == "sum":
        group["x"] = {"$max": has_type(field, "double")}
    return Folding(
        name, source.event, measure.zone, contribution, group, _value(measure, source, field)
    )


def fold_stages(
    foldings: Sequence[Folding],
    layout: Layout,
    within: tuple[datetime, datetime] | None = None,
) -> list[Stage]:
    """Return stages that make of events, all of one name, a document for each user and day.

    It has `_id: {u, d}`, the time of the `last` event, and what is not empty under the measures'
    ids. The measures are all of one zone. `within` bounds the events' time.
    """
    (zone,) = {each.zone for each in foldings}
    contributions = {each.id: each.contribution for each in foldings}
    at = "$" + layout.event_field(("time",))
    group: dict[str, Code] = {"_id": {"u": "$user", "d": "$day"}, "last": {"$max": at}}
    for each in foldings:
        group |= {each.id + suffix: accumulator for suffix, accumulator in each.group.items()}
    return [
        {"$set": {"day": _day(at, zone, within), **contributions}},
        {"$group": group},
        {"$project": {"last": 1, **{each.id: each.value for each in foldings}}},
    ]


def _value(measure: Measure, source: EventSource, field: str) -> Code:
    """Return what is kept of a day: nothing where that is nothing."""
    match measure.slot:
        case "count" | "known":
            return when({"$gt": [field, 0]}, field, _REMOVE)
        case "sum":
            # On a day with a value that is too large, the sum is not a number.
            some = when({"$eq": [field, 0]}, _REMOVE, field)
            return when({"$eq": [field + "x", True]}, float("nan"), some)
        case "set":
            found: Code = field
            if source.nested:
                union = {"$setUnion": ["$$value", "$$this"]}
                found = {"$reduce": {"input": found, "initialValue": [], "in": union}}
            known = {"$setDifference": [found, [None]]}
            return let(known, lambda it: when({"$eq": [it, []]}, _REMOVE, it))
        case "first" | "last":
            return {"$ifNull": [field + ".v", _REMOVE]}
        case _:
            return {"$ifNull": [field, _REMOVE]}


def _day(at: Code, zone: str, within: tuple[datetime, datetime] | None) -> Code:
    """Return the day that an instant belongs to, as dsl.days has it."""
    before, history = 0, [*day_offsets(zone)]
    if within is not None:
        start, end = map(to_ms, within)
        before = next((ahead for since, ahead in reversed(history) if since <= start), 0)
        history = [(since, ahead) for since, ahead in history if start < since < end]
    local = let({"$toLong": at}, lambda ms: {"$add": [ms, offset_at(ms, history, before)]})
    return {"$dateToString": {"date": {"$toDate": local}, "format": "%Y-%m-%d"}}


def _no_events(_aggregate: Aggregate, _place: Place) -> NoReturn:
    raise AssertionError("a measure's filter asks about no other events")
