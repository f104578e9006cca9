"""Visitors whom nobody knows yet, and what becomes of their events once somebody does."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from models.errors import Invalid, NotFound
from models.event import VISITOR, Event, lane_of
from models.store import Stores
from models.user import User
from services.jobs import Job, Jobs
from services.rulebook import Rulebook

LONGEST = 200


def is_name(visitor: str) -> bool:
    """Whether this can be a visitor's id."""
    return 0 < len(visitor) <= LONGEST and visitor.isprintable()


async def identify(
    visitor: str, user: str, *, stores: Stores, rulebook: Rulebook, jobs: Jobs, now: datetime
) -> tuple[User, int]:
    """Make a visitor's events, past and future, those of a user; return how many joined now.

    What happened counts from its own time; journeys start on what is at most a day old. A visitor
    who was someone else before is this user from now on, as on a device that is shared. `user` is
    an id here or in another system. Safe to repeat. Raises Invalid and NotFound.
    """
    if not is_name(visitor):
        raise Invalid(
            f"A visitor's id is 1 to {LONGEST} printable characters.", field=("anonymousId",)
        )
    found = await stores.users.find(user)
    if found is None:
        known = await stores.identities.find_external([user])
        found = await stores.users.find(known[user]) if user in known else None
    if found is None:
        raise NotFound(f"Nobody has the id {user[:100]!r}.", field=("user",))
    # Linked first: whoever stores an event meanwhile looks afterwards whether there is a link.
    await stores.identities.link_visitor(visitor, found.id)
    published = await rulebook.current()
    joined = await stores.events.adopt(
        visitor, found.id, received_at=now, publication=published.number
    )
    if joined:
        await jobs.ring(Job.WORK_LANE, [str(lane_of(found.id))])
    return found, joined


async def known_by_now(
    events: Iterable[Event], stores: Stores, publication: int, now: datetime
) -> list[Event]:
    """Return events that were just stored; those of visitors identified meanwhile are the user's.

    `identify` may have looked for a visitor's events before they were there.
    """
    stored = list(events)
    visitors = {e.user_id.removeprefix(VISITOR) for e in stored if e.is_anonymous}
    known = await stores.identities.find_visitors(sorted(visitors))
    for visitor, user_id in known.items():
        await stores.events.adopt(visitor, user_id, received_at=now, publication=publication)
    owners = {VISITOR + visitor: user_id for visitor, user_id in known.items()}
    return [replace(event, user_id=owners.get(event.user_id, event.user_id)) for event in stored]
