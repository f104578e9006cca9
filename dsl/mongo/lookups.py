"""Aggregates of events as $lookup stages: only their results travel, one small document a user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from dsl.aggregates import value_kind
from dsl.core import Aggregate, EventSource, Ref
from dsl.kinds import Kind
from dsl.moment import Moment
from dsl.mongo.expressions import chosen, condition, values_of
from dsl.mongo.layout import Layout
from dsl.mongo.lists import average_of, known, size_of_set, sum_of, summand, summands
from dsl.mongo.measured import from_measures, is_ahead, live_measures
from dsl.mongo.places import Place, Term, depth_of
from dsl.mongo.prefilter import Filter, necessary
from dsl.mongo.reads import read
from dsl.mongo.terms import Code, all_of, constant, has_type, let, when

Stage = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Entry:
    """One aggregate of a $lookup: its accumulators, given the test that an event must pass."""

    start: datetime | None
    test: Code  # None: every event
    accumulators: Callable[[Code], dict[str, Code]]
    filter: Filter | None


@dataclass(slots=True)
class Lookup:
    """One pass over a user's events of one name. `depth` is how many passes must come before.

    With `only`, for those users alone of whom that is true.
    """

    name: str
    event: str
    depth: int
    only: Code = None
    variables: dict[str, Code] = field(default_factory=dict)
    entries: list[_Entry] = field(default_factory=list)

    def stages(self, layout: Layout, now: datetime, *, key: str = "_id") -> list[Stage]:
        """Return the $lookup, its one result unwound into a document of the lookup's name.

        `key` is the field that holds the user's id.
        """
        starts = [entry.start for entry in self.entries]
        start = None if None in starts else min(one for one in starts if one)
        group: dict[str, Code] = {"_id": None}
        for entry in self.entries:
            tests = [] if entry.test is None else [entry.test]
            if entry.start not in (None, start):
                tests.append({"$gte": ["$at", entry.start]})
            group.update(entry.accumulators(all_of(tests) if tests else None))
        at = {"$lte": now} if start is None else {"$gte": start, "$lte": now}
        wanted: Filter = {"name": {"$eq": self.event}, "at": at, **layout.event_match}
        filters = [entry.filter for entry in self.entries]
        narrow = [one for one in filters if one is not None]
        if len(narrow) == len(filters):
            either = {"$or": narrow} if len(narrow) > 1 else narrow[0]
            wanted = {"$and": [wanted, either]}
        whose = key if self.only is None else f"{self.name}u"
        lookup = {
            "from": layout.events,
            "localField": whose,
            "foreignField": "user",
            "let": self.variables,
            "pipeline": [{"$match": wanted}, {"$group": group}],
            "as": self.name,
        }
        unwind = {"path": "$" + self.name, "preserveNullAndEmptyArrays": True}
        found: list[Stage] = [{"$lookup": lookup}, {"$unwind": unwind}]
        if self.only is None:
            return found
        # Nobody's events are looked up for whom the field is not there.
        mark = {"$set": {whose: when(self.only, "$" + key, "$$REMOVE")}}
        return [mark, *found, {"$unset": whose}]


class Lookups:
    """Collects the aggregates of events that an expression needs, one pass for each event."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._found: dict[tuple[Aggregate, str], tuple[Term, str]] = {}
        self.all: dict[tuple[int, str, bool], Lookup] = {}
        self.used: set[str] = set()

    def add(self, aggregate: Aggregate, place: Place) -> Term:
        """Return where an aggregate's value will be found, once its lookup has run.

        If users have measures of it, nothing is looked up, or only where these say too much.
        """
        measures = live_measures(aggregate, place)
        if measures and not self._layout.ahead:
            return from_measures(aggregate, measures, place)
        key = (aggregate, place.moment.zone)
        if key not in self._found:
            only = is_ahead(place) if measures else None
            self._found[key] = self._add(aggregate, place, only)
        term, name = self._found[key]
        self.used.add(name)
        if not measures:
            return term
        kept = from_measures(aggregate, measures, place)
        return Term(when(is_ahead(place), term.code, kept.code), nullable=term.nullable)

    def in_order(self) -> list[Lookup]:
        """Return the lookups, each after those whose results it uses."""
        return [self.all[key] for key in sorted(self.all, key=lambda key: key[0])]

    def _add(self, aggregate: Aggregate, place: Place, only: Code) -> tuple[Term, str]:
        assert isinstance(aggregate.source, EventSource)
        depth = depth_of(aggregate.where, place.moment)
        event = aggregate.source.event
        name = f"_e{len(self.all)}"
        key = (depth, event, only is None)
        lookup = self.all.setdefault(key, Lookup(name, event, depth, only))
        return _enter(aggregate, lookup, place), lookup.name


def _enter(aggregate: Aggregate, lookup: Lookup, place: Place) -> Term:
    """Add an aggregate to a lookup, and return where its value will be."""
    carried = _Carrier(lookup)
    layout, moment = place.layout, place.moment
    within = replace(
        place,
        element=lambda path: "$" + layout.event_field(path),
        outer=place if place.outer is None else place.outer,
        carry=carried,
    )
    slot = f"a{len(lookup.entries)}"
    source, where = aggregate.source, aggregate.where
    assert isinstance(source, EventSource)
    parts = parts_of(aggregate, slot, within)
    test, narrow = None, None
    if where is not None:
        # Of an event none of whose elements can be meant nothing is needed either.
        narrow = necessary(where, _event_fields(layout, source.nested), within)
        test = None if source.nested else condition(where, within)
    start = None if aggregate.window is None else moment.start_of(aggregate.window)
    lookup.entries.append(_Entry(start, test, parts, narrow))
    return _result(aggregate, f"${lookup.name}.{slot}", moment)


class _Carrier:
    """Names the values that a lookup's pipeline needs from around it."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup

    def __call__(self, code: Code) -> Code:
        if code is None or isinstance(code, bool) or constant(code) is not None:
            return code
        variables = self._lookup.variables
        for name, known_code in variables.items():
            if known_code == code:
                return "$$" + name
        name = f"v{len(variables)}"
        variables[name] = code
        return "$$" + name


def _event_fields(layout: Layout, nested: tuple[str, ...]) -> Callable[[Ref], str | None]:
    def field_of(ref: Ref) -> str | None:
        return layout.event_field((*nested, *ref.path)) if ref.root == "element" else None

    return field_of


def _keyed(value: Code) -> Code:
    """Return a value after its event's time, so that $max and $min find the last and first."""
    return let(value, lambda v: when({"$ne": [v, None]}, {"t": "$at", "i": "$_id", "v": v}))


def parts_of(aggregate: Aggregate, slot: str, place: Place) -> Callable[[Code], dict[str, Code]]:
    """Return an aggregate's accumulators over events, given the test that an event must pass."""
    assert isinstance(aggregate.source, EventSource)
    parts = _parts_of_lists if aggregate.source.nested else _parts_of_events
    return parts(aggregate, slot, place)


def _parts_of_events(
    aggregate: Aggregate, slot: str, place: Place
) -> Callable[[Code], dict[str, Code]]:
    """Return the accumulators of an aggregate whose elements are the events themselves."""
    if aggregate.function in ("count", "any"):
        return lambda test: {slot: {"$sum": 1 if test is None else when(test, 1, 0)}}
    kind = value_kind(aggregate, place.moment.program)
    value = read("$" + place.layout.event_field(aggregate.value), kind)

    def parts(test: Code) -> dict[str, Code]:
        def counted(code: Code) -> Code:
            return code if test is None else when(test, code)

        match aggregate.function:
            case "sum":
                return {slot: {"$sum": counted(summand(value, kind))}}
            case "avg":
                has_value = {"$ne": [counted(value), None]}
                return {
                    slot: {"$sum": counted(summand(value, kind))},
                    slot + "n": {"$sum": when(has_value, 1, 0)},
                }
            case "distinct":
                return {slot: {"$addToSet": counted(value)}}
            case "latest" | "earliest" as function:
                extreme = "$max" if function == "latest" else "$min"
                return {slot: {extreme: counted(_keyed(value))}}
            case function:
                return {slot: {f"${function}": counted(value)}}

    return parts


def _parts_of_lists(
    aggregate: Aggregate, slot: str, place: Place
) -> Callable[[Code], dict[str, Code]]:
    """Return the accumulators of an aggregate whose elements are those of a list in each event."""
    assert isinstance(aggregate.source, EventSource)
    path = _list_path(aggregate.source, place)
    if aggregate.function in ("count", "any"):
        size = {"$size": chosen(aggregate, path, place)}
        return lambda test: {slot: {"$sum": size if test is None else when(test, size, 0)}}
    kind = value_kind(aggregate, place.moment.program)
    values = values_of(aggregate, path, place)

    def parts(test: Code) -> dict[str, Code]:
        def counted(code: Code, otherwise: Code = None) -> Code:
            return code if test is None else when(test, code, otherwise)

        match aggregate.function:
            case "sum":
                return {slot: {"$sum": counted({"$sum": summands(values, kind)}, 0)}}
            case "avg":
                return {
                    slot: {"$sum": counted({"$sum": summands(values, kind)}, 0)},
                    slot + "n": {"$sum": counted({"$size": known(values)}, 0)},
                }
            case "distinct":
                return {slot: {"$addToSet": counted(values, [])}}
            case "latest":
                return {
                    slot: {"$max": counted(_keyed({"$ifNull": [{"$last": known(values)}, None]}))}
                }
            case "earliest":
                return {
                    slot: {"$min": counted(_keyed({"$ifNull": [{"$first": known(values)}, None]}))}
                }
            case function:
                return {slot: {f"${function}": counted({f"${function}": values})}}

    return parts


def _list_path(source: EventSource, place: Place) -> Code:
    path = "$" + place.layout.event_field(source.nested)
    if len(source.nested) > 1:
        return when(has_type(path.rpartition(".")[0], "object"), path)
    return path


def _result(aggregate: Aggregate, slot: str, moment: Moment) -> Term:
    """Return an aggregate's value from its slots, which are missing if there was no event."""
    kind: Kind = value_kind(aggregate, moment.program)
    total = {"$ifNull": [slot, 0]}
    match aggregate.function:
        case "count":
            return Term(total, nullable=False)
        case "any":
            return Term({"$gt": [total, 0]}, nullable=False)
        case "sum":
            return Term(sum_of(total, kind))
        case "avg":
            count = {"$ifNull": [slot + "n", 0]}
            return Term(let(count, lambda n: average_of(total, n, kind)))
        case "distinct":
            found: Code = {"$ifNull": [slot, []]}
            assert isinstance(aggregate.source, EventSource)
            if aggregate.source.nested:
                union = {"$setUnion": ["$$value", "$$this"]}
                found = {"$reduce": {"input": found, "initialValue": [], "in": union}}
            return Term(size_of_set(found), nullable=False)
        case "latest" | "earliest":
            return Term({"$ifNull": [slot + ".v", None]})
        case _:
            return Term({"$ifNull": [slot, None]})
