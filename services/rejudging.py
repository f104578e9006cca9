"""Whether the members of segments that are kept are those that the rules give, worked out anew."""

from collections.abc import Sequence
from datetime import datetime

import dsl
from engine.membership import watch_of
from models.membership import Standing
from models.store import Stores
from services import facts
from services.rulebook import Published, Rulebook

_PAGE = 500


async def rejudge(*, stores: Stores, rulebook: Rulebook, now: datetime) -> tuple[str, list[str]]:
    """Compare everybody with what is kept of them; return what was looked at and what differs.

    They are judged by the plain interpreter. Who waits to be looked at is left out, and so is
    everybody while segments are being filled.
    """
    standing = await stores.standings.get()
    current = await rulebook.current()
    published = await rulebook.version(standing.publication)
    if standing.filling or (
        current.number != standing.publication and (current.program.segments or standing.live)
    ):
        return "segments are being filled", []
    problems: list[str] = []
    looked_at, after = 0, None
    while ids := await stores.looks.ids(after, limit=_PAGE):
        after = ids[-1]
        waiting = await stores.looks.waiting(ids, now)
        page = [user_id for user_id in ids if user_id not in waiting]
        looked_at += len(page)
        problems += await _differing(page, standing, published, stores, now)
    return f"{looked_at} people, {len(standing.live)} segments", problems


async def _differing(
    ids: Sequence[str], standing: Standing, published: Published, stores: Stores, now: datetime
) -> list[str]:
    program = published.program
    moment = dsl.Moment(now, program.zone, program)
    needs = watch_of(program).needed(standing.live)
    known = await facts.load(ids, published, stores=stores, now=now, needs=needs)
    members = await stores.memberships.of_users(ids, standing.live)
    problems: list[str] = []
    for user_id, theirs in known.items():
        wanted = {
            name
            for name in standing.live
            if dsl.holds(program.segments[name].condition, theirs, moment)
        }
        kept = {member.segment for member in members[user_id]}
        problems += [f"{user_id} is in {name} and is not kept there" for name in wanted - kept]
        problems += [f"{user_id} is kept in {name} and is not in it" for name in kept - wanted]
    return sorted(problems)
