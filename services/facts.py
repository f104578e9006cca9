"""What rules see of people: their profile, and the events or measures that rules ask about.

Days that are over are read from measures, which lie on the person's document, and the days since as
events: so they are complete whatever is still waiting to be applied.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

from dsl.buckets import Measured
from engine import needs as needed
from engine.needs import Need
from engine.playbook import playbook_of
from models.store import Stores
from models.store.persons import Person, Persons
from models.user import User
from services.rulebook import Published
from services.together import Together

# The events of one person by name, and what is wanted of them: since when, and which fields.
Happened: TypeAlias = dict[str, list[dict[str, Any]]]
Wanted: TypeAlias = Mapping[str, tuple[datetime | None, frozenset[str]]]


async def load(
    user_ids: Sequence[str],
    published: Published,
    *,
    stores: Stores,
    now: datetime,
    needs: Iterable[Need] | None = None,
    since: datetime | None = None,
) -> dict[str, dict[str, Any]]:
    """Return the facts of those of these people who exist, by id.

    `needs` says which events to load: without it, all that any published rule asks about. Rules can
    be judged at moments from `since`, if that is before `now`, until `now` and later.
    """
    if needs is None:
        needs = playbook_of(published.program).all_needs
    since = now if since is None else min(since, now)
    people, events = await asyncio.gather(
        _people(user_ids, stores), _events(user_ids, wanted(needs, published, since), stores)
    )
    return of_people(people, events, published, since)


def wanted(needs: Iterable[Need], published: Published, since: datetime) -> Wanted:
    """Return which events have to be read to judge what has these needs from `since` on."""
    return needed.at(needs, since, _measured(published, since))


def of_people(
    people: Mapping[str, Person],
    events: Mapping[str, Happened],
    published: Published,
    since: datetime,
) -> dict[str, dict[str, Any]]:
    """Return the facts of people who were read, with the events that were wanted of them."""
    return {
        user_id: seen_by_rules(
            person.user, events[user_id], _measured(published, since, person.measures)
        )
        for user_id, person in people.items()
    }


def _measured(
    published: Published, since: datetime, kept: Mapping[str, Mapping[str, Any]] | None = None
) -> Measured | None:
    if not published.measures:
        return None
    zone = published.program.zone
    return Measured(kept or {}, published.measures, since=since, zone=zone)


def seen_by_rules(user: User, events: Happened, measured: Measured | None) -> dict[str, Any]:
    """Return one person's facts."""
    found: dict[str, Any] = {"user": user_facts(user), "events": events}
    if measured is not None:
        found["measures"] = measured
    return found


async def _people(user_ids: Sequence[str], stores: Stores) -> Mapping[str, Person]:
    if len(user_ids) != 1:
        return await stores.persons.read(user_ids)
    found = await _reads(stores).people(user_ids[0])
    return {} if found is None else {user_ids[0]: found}


async def _events(
    user_ids: Sequence[str], wanted: Wanted, stores: Stores
) -> Mapping[str, Happened]:
    if len(user_ids) != 1 or not wanted:
        return await stores.events.of_users(user_ids, wanted)
    return {user_ids[0]: await _reads(stores).events((user_ids[0], wanted))}


class _Reads:
    """Carts that are priced at one moment are those of one person each: they are read together."""

    def __init__(self, stores: Stores) -> None:
        self._persons, self._events = stores.persons, stores.events
        self.people: Together[str, Person | None] = Together(self._find_people)
        self.events: Together[tuple[str, Wanted], Happened] = Together(self._find_events)

    async def _find_people(self, user_ids: Sequence[str]) -> Sequence[Person | None]:
        found = await self._persons.read(user_ids)
        return [found.get(user_id) for user_id in user_ids]

    async def _find_events(self, asked: Sequence[tuple[str, Wanted]]) -> Sequence[Happened]:
        """Read in one trip for those who want the same of their people, which is usual."""
        found: list[Happened | None] = [None] * len(asked)
        while None in found:
            wanted = asked[found.index(None)][1]
            places = [at for at, each in enumerate(asked) if each[1] == wanted]
            events = await self._events.of_users([asked[at][0] for at in places], wanted)
            for at in places:
                found[at] = events[asked[at][0]]
        return [each for each in found if each is not None]


def _reads(stores: Stores) -> _Reads:
    reads = _READS.get(stores.persons)
    if reads is None:
        reads = _READS[stores.persons] = _Reads(stores)
    return reads


_READS: WeakKeyDictionary[Persons, _Reads] = WeakKeyDictionary()


def user_facts(user: User) -> dict[str, Any]:
    """Return a person as rules see them: attributes beside what is built in."""
    facts: dict[str, Any] = {
        **user.attributes,
        "id": user.id,
        "email": user.email,
        "name": user.name or None,
        "locale": user.locale,
        "timezone": user.timezone,
        "birthday": user.birthday.isoformat() if user.birthday else None,
        "created_at": user.created_at,
        "tags": list(user.tags),
        "consent": {
            "email": user.consent.email,
            "sms": user.consent.sms,
            "push": user.consent.push,
        },
        "points": user.points,
        "tier": user.tier,
        # Not for rules: whether messages have somewhere to go.
        "@phone": user.phone,
        "@devices": list(user.devices) or None,
        "@refused": sorted(user.consent.refused) or None,
    }
    return {name: value for name, value in facts.items() if value is not None}
