"""Aggregates of events read from the measures that the user's own document holds."""

from collections.abc import Sequence

from dsl.core import Aggregate
from dsl.days import day_of
from dsl.measures import Measure, first_day, is_zoned, measures_of
from dsl.mongo.lists import average_of, size_of_set, sum_of
from dsl.mongo.places import Place, Term
from dsl.mongo.terms import Code, all_of, each, let, literal


def live_measures(aggregate: Aggregate, place: Place) -> tuple[Measure, ...]:
    """Return the measures that an aggregate can be read from here; none if it cannot be."""
    moment, layout = place.moment, place.layout
    if not layout.measures or (moment.zone != moment.program.zone and is_zoned(aggregate)):
        return ()
    measures = measures_of(aggregate, moment.program)
    return measures if all(measure.id in layout.measures for measure in measures) else ()


def from_measures(aggregate: Aggregate, measures: Sequence[Measure], place: Place) -> Term:
    """Return an aggregate's value, as dsl.mongo.lookups makes it of the events."""
    kind = measures[0].kind
    days = [_days(aggregate, measure, place) for measure in measures]
    values = _values(days[0])
    total = {"$sum": values}
    match aggregate.function:
        case "count":
            return Term(total, nullable=False)
        case "any":
            return Term({"$gt": [total, 0]}, nullable=False)
        case "sum":
            return Term(sum_of(total, kind))
        case "avg":
            count = {"$sum": _values(days[1])}
            return Term(let(count, lambda n: average_of(total, n, kind)))
        case "distinct":
            union = {"$setUnion": ["$$value", "$$this"]}
            found = {"$reduce": {"input": values, "initialValue": [], "in": union}}
            return Term(size_of_set(found), nullable=False)
        case "latest" | "earliest" as function:
            # Days are compared before what was on them.
            extreme = {"$max" if function == "latest" else "$min": days[0]}
            return Term(let(extreme, lambda it: {"$ifNull": [it + ".v", None]}))
        case function:
            return Term({f"${function}": values})


def first_day_kept(aggregate: Aggregate, measures: Sequence[Measure], place: Place) -> Code:
    """Return the date of the first day of a window on which there is something, or null."""
    # Of sums those of zero are not kept, and make no difference.
    days = _days(aggregate, measures[-1], place)
    first = {"$min": each(days, "$map", lambda day: day + ".k")}
    return {"$dateFromString": {"dateString": first, "format": "%Y-%m-%d", "onNull": None}}


def is_ahead(place: Place) -> Code:
    """Whether events are in a user's measures that are later than now: then they cannot be read."""
    return {"$gt": ["$" + place.layout.last, place.moment.now]}


def _days(aggregate: Aggregate, measure: Measure, place: Place) -> Code:
    """Return the days of a window on which there is something, each with what is kept of it."""
    stored = {"$objectToArray": {"$ifNull": ["$" + place.layout.measure(measure.id), literal({})]}}
    start = first_day(aggregate, place.moment)
    end = day_of(place.moment.now, measure.zone)

    def test(day: Code) -> Code:
        bounds = [{"$gte": [day + ".k", start]}] if start else []
        return all_of([*bounds, {"$lte": [day + ".k", end]}])

    return each(stored, "$filter", test)


def _values(days: Code) -> Code:
    return each(days, "$map", lambda day: day + ".v")
