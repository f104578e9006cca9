"""Several conditions asked of a whole collection in one pass over it.

    those that nobody fulfils without ─► one lookup for each event name ─► the names that hold

A lookup is spared users of whom no condition needs it, since cheaper parts of them are false.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dsl.core import Expr
from dsl.moment import Moment
from dsl.mongo.expressions import condition
from dsl.mongo.layout import Layout
from dsl.mongo.lookups import Lookups, Stage
from dsl.mongo.pipeline import conjuncts, narrowed
from dsl.mongo.places import Place
from dsl.mongo.sharing import share
from dsl.mongo.terms import Code, all_of, any_of, literal, when
from dsl.mongo.timing import next_change

# The fields that stages work with; no fact has such a name.
_CHEAP, _KEY = "_c", "_k"


@dataclass(frozen=True, slots=True)
class _Judged:
    """A condition in parts: what needs no lookup, the rest, and the lookups that it needs."""

    cheap: Code
    rest: Code
    lookups: frozenset[str]


def to_mongo_together(
    conditions: Mapping[str, Expr], layout: Layout, moment: Moment
) -> list[Stage]:
    """Return stages that leave `{_id, names}` of each user for whom any of the conditions holds.

    Raises NotPushable where the database would not give the interpreter's answer.
    """
    lookups = Lookups(layout)
    place = Place(moment, layout, lookups.add)
    judged = {name: _judged(expr, place, lookups) for name, expr in conditions.items()}
    stages: list[Stage] = []
    if len(conditions) == 1:
        # Of many conditions one nearly always lets a user through.
        stages += [
            {"$match": found}
            for expr in conditions.values()
            if (found := narrowed(expr, layout, place)) is not None
        ]
    stages += _gated(judged, lookups, layout, moment)
    whole = {name: _whole(name, one, bool(lookups.all)) for name, one in judged.items()}
    shared, tests = share(whole)
    holding = [when(test, literal(name)) for name, test in tests.items()]
    known = {"$filter": {"input": holding, "as": "name", "cond": "$$name"}}
    names = {"$let": {"vars": shared, "in": known}} if shared else known
    return [*stages, {"$project": {"names": names}}, {"$match": {"names": {"$ne": []}}}]


def to_mongo_next_change(
    conditions: Mapping[str, Expr], layout: Layout, moment: Moment
) -> list[Stage]:
    """Return stages that leave `{_id, next}` of each user for whom time can change an answer.

    That is not before `next`, and not if nobody is left. Events that lie ahead are not looked at.
    """
    lookups = Lookups(layout)
    place = Place(moment, layout, lookups.add)
    found = [next_change(expr, place) for expr in conditions.values()]
    turns = [turn for turn in found if turn is not None]
    if not turns:
        return [{"$match": {"$expr": False}}]
    stages = [stage for lookup in lookups.in_order() for stage in lookup.stages(layout, moment.now)]
    shared, asked = share({str(at): turn for at, turn in enumerate(turns)})
    return [
        *stages,
        {"$project": {"next": {"$let": {"vars": shared, "in": {"$min": list(asked.values())}}}}},
        {"$match": {"next": {"$ne": None}}},
    ]


def _judged(expr: Expr, place: Place, lookups: Lookups) -> _Judged:
    cheap: list[Code] = []
    rest: list[Code] = []
    needed: set[str] = set()
    for conjunct, where in conjuncts(expr, place):
        lookups.used = set()
        code = condition(conjunct, where)
        (rest if lookups.used else cheap).append(code)
        needed |= lookups.used
    return _Judged(
        all_of(cheap) if cheap else True, all_of(rest) if rest else True, frozenset(needed)
    )


def _whole(name: str, one: _Judged, is_gated: bool) -> Code:
    if is_gated and one.cheap is not True:
        return all_of([f"${_CHEAP}.{_slot(name)}", one.rest])
    return all_of([part for part in (one.cheap, one.rest) if part is not True] or [True])


def _gated(
    judged: Mapping[str, _Judged], lookups: Lookups, layout: Layout, moment: Moment
) -> Sequence[Stage]:
    """Return the lookups, each made only for users of whom a condition needs it."""
    if not lookups.all:
        return ()
    cheap = {_slot(name): one.cheap for name, one in judged.items() if one.cheap is not True}
    stages: list[Stage] = [{"$set": {_CHEAP: cheap}}] if cheap else []
    for lookup in lookups.in_order():
        needing = [(name, one) for name, one in judged.items() if lookup.name in one.lookups]
        if any(one.cheap is True for _, one in needing):
            stages += lookup.stages(layout, moment.now)
            continue
        wanted = any_of([f"${_CHEAP}.{_slot(name)}" for name, _ in needing])
        # Nobody has no id: for the others nothing is found, at once.
        stages.append({"$set": {_KEY: when(wanted, "$_id", None)}})
        stages += lookup.stages(layout, moment.now, key=_KEY)
    return stages


def _slot(name: str) -> str:
    return f"s_{name}"
