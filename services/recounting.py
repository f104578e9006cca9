"""Measures made anew of all events, by other means than those that keep them, and compared."""

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dsl
from dsl.buckets import fold
from dsl.measures import Measure
from engine.measures import judge_of, measures_in
from engine.playbook import playbook_of
from models.store import Stores
from services.rulebook import Rulebook

PAGE = 500
_Judge = Callable[[Any], bool]


async def recount(stores: Stores, rulebook: Rulebook) -> tuple[str, list[str]]:
    """Return what was looked at, and the days on which a live measure is not what events say."""
    published = await rulebook.current()
    program, live = published.program, published.measures
    measures = [w.measure for key, w in measures_in(program).items() if key in live]
    judges = {measure.id: judge_of(measure, program) for measure in measures}
    needs = _needs(measures, program)
    problems: list[str] = []
    people, after = 0, None
    while measures and (page := await stores.facts.page(after=after, limit=PAGE)):
        events = await stores.events.of_users([user_id for user_id, _ in page], needs)
        found = await asyncio.to_thread(_compared, page, events, measures, judges)
        problems += found
        people += len(page)
        after = page[-1][0]
    return f"{len(measures)} measures of {people} people", problems


def _compared(
    page: Sequence[tuple[str, Mapping[str, Mapping[str, Any]]]],
    events: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]],
    measures: Sequence[Measure],
    judges: Mapping[str, _Judge],
) -> list[str]:
    problems: list[str] = []
    for user_id, stored in page:
        for measure in measures:
            kept = stored.get(measure.id, {})
            told = events[user_id].get(measure.source.event, ())
            wanted = fold(measure, told, judges[measure.id])
            problems += [
                f"{user_id}: {measure.slot} of {measure.source.event} on {day} is"
                f" {kept.get(day)}, events say {wanted.get(day)} ({measure.id})"
                for day in sorted(kept.keys() | wanted.keys())
                if not _same(kept.get(day), wanted.get(day))
            ]
    return problems


def _needs(
    measures: Sequence[Measure], program: dsl.Program
) -> dict[str, tuple[None, frozenset[str]]]:
    """Return all events that measures are made of, with whatever fields rules ask about."""
    playbook = playbook_of(program)
    names = {measure.source.event for measure in measures}
    fields = {name: frozenset[str]() for name in names}
    for need in playbook.needs | playbook.all_needs:
        if need.event in fields:
            fields[need.event] |= need.fields
    return {name: (None, those) for name, those in fields.items()}


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and math.isnan(one):
        return isinstance(other, float) and math.isnan(other)
    if isinstance(one, list) and isinstance(other, list):
        return set(one) == set(other)
    return bool(one == other)
