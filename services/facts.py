"""What rules see of people: their profile, and the events that the rules ask about."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from engine import needs as needed
from engine.needs import Need
from engine.playbook import playbook_of
from models.store import Stores
from models.user import User
from services.rulebook import Published


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
    users = await stores.users.find_many(list(user_ids))
    events = await stores.events.of_users(list(users), needed.at(needs, now))
    return {
        user_id: {"user": user_facts(user), "events": events[user_id]}
        for user_id, user in users.items()
    }


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
