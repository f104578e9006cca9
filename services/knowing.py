"""What a page's events and runs need to know of their people, each of whom is read once.

    read people → read their events → make the days of measures anew that the page adds to
    → facts, as they are with these days

Nothing is written here. Days may be written as long as the person's facts are of the version that
was read: their events were read after that (services.measures).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from dsl.buckets import Measured
from engine import needs as needed
from engine.needs import Need
from models.measure import FactsChange
from models.store import Stores
from models.store.persons import Person
from services.facts import Happened, Wanted, seen_by_rules
from services.folding import Found, Heard, Told, clause, fold_days
from services.rulebook import Published


@dataclass(frozen=True, slots=True)
class Known:
    """People as they were read, their facts, and what their measures have become."""

    people: Mapping[str, Person] = field(default_factory=dict)
    facts: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    changes: Mapping[str, FactsChange] = field(default_factory=dict)


async def know(
    people: Mapping[str, Person],
    days: Heard,
    published: Published,
    *,
    stores: Stores,
    needs: Collection[Need],
    since: datetime,
) -> Known:
    """Return what rules see of these people from `since` on, with `days` made anew."""
    program = published.program
    measured = partial(Measured, live=published.measures, since=since, zone=program.zone)
    wanted = needed.at(needs, since, measured({}) if published.measures else None)
    clauses = [
        clause(name, day, sorted(users.keys() & people.keys()), program.zone)
        for (name, day), users in days.items()
        if not users.keys().isdisjoint(people)
    ]
    told = await stores.events.told(sorted(people), wanted, clauses)
    found: dict[str, Found] = {}
    fold_days(days, told, program, found)
    events = _by_person(people, told, wanted)
    kept = {
        user_id: _with(person.measures, found.get(user_id)) for user_id, person in people.items()
    }
    return Known(
        people,
        {
            user_id: seen_by_rules(
                person.user,
                events[user_id],
                measured(kept[user_id]) if published.measures else None,
            )
            for user_id, person in people.items()
        },
        {
            user_id: FactsChange(
                user_id=user_id,
                version=people[user_id].version,
                buckets=each.buckets,
                last=each.last,
                then=kept[user_id],
            )
            for user_id, each in found.items()
        },
    )


def _by_person(
    people: Collection[str], told: Sequence[Told], wanted: Wanted
) -> Mapping[str, Happened]:
    """Return of all that was read what rules ask about, by person and name."""
    found: dict[str, Happened] = {user_id: {} for user_id in people}
    for user_id, name, fields in told:
        if name in wanted:
            since, _ = wanted[name]
            if since is None or fields["time"] >= since:
                found[user_id].setdefault(name, []).append(fields)
    return found


def _with(
    kept: Mapping[str, Mapping[str, Any]], found: Found | None
) -> Mapping[str, Mapping[str, Any]]:
    """Return a person's measures with days that were made anew."""
    if found is None:
        return kept
    merged = dict(kept)
    for key, days in found.buckets.items():
        all_days = {**kept.get(key, {}), **days}
        merged[key] = {day: value for day, value in all_days.items() if value is not None}
    return merged
