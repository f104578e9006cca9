"""What rules see of people: their profile, and the events that the rules ask about."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

from engine import needs as needed
from engine.needs import Need
from engine.playbook import playbook_of
from models.store import Stores
from models.store.users import Users
from models.user import User
from services.rulebook import Published
from services.together import Together


async def load(
    user_ids: Sequence[str],
    published: Published,
    *,
    stores: Stores,
    now: datetime,
    needs: Iterable[Need] | None = None,
) -> dict[str, dict[str, Any]]:
    """Return the facts of those of these people who exist, by id.

    `needs` says which events to load: without it, all that any published rule asks about.
    """
    if needs is None:
        needs = playbook_of(published.program).all_needs
    users = await _people(user_ids, stores)
    events = await stores.events.of_users(list(users), needed.at(needs, now))
    return {
        user_id: {"user": user_facts(user), "events": events[user_id]}
        for user_id, user in users.items()
    }


async def _people(user_ids: Sequence[str], stores: Stores) -> Mapping[str, User]:
    if len(user_ids) != 1:
        return await stores.users.find_many(list(user_ids))
    # Carts that are priced at one moment are those of one person each.
    together = _TOGETHER.get(stores.users)
    if together is None:
        together = _TOGETHER[stores.users] = Together(_looking(stores.users))
    found = await together(user_ids[0])
    return {} if found is None else {found.id: found}


def _looking(users: Users) -> Callable[[Sequence[str]], Awaitable[list[User | None]]]:
    async def look(user_ids: Sequence[str]) -> list[User | None]:
        found = await users.find_many(user_ids)
        return [found.get(user_id) for user_id in user_ids]

    return look


_TOGETHER: WeakKeyDictionary[Users, Together[str, User | None]] = WeakKeyDictionary()


def user_facts(user: User) -> dict[str, Any]:
    """Return a person as rules see them: attributes beside what is built in."""
    facts: dict[str, Any] = {
        **user.attributes,
        "id": user.id,
        "email": user.email,
        "name": user.name,
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
