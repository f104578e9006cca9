"""Keeping audiences like the segments they follow: people who agreed to it, as hashes.

What is in the segment now is held against what the platform has been told, person by person in the
order of their ids; the difference is told in batches, each noted after it was taken. Whoever is
killed in between tells the same batch again, and that changes nothing over there.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from channels import NotSent, Unclear
from channels.addresses import check_url, resolve
from channels.social import Delta, Social, hashed
from models.audience import Audience, Shown
from models.errors import Invalid
from models.paging import Window
from models.store import Stores
from services.clock import Clock
from services.jobs import Job, Jobs

_NAME = re.compile(r"[\w.-]{1,100}")
EVERY = timedelta(minutes=1)
BATCH = 500
PAGE = 500
LEASE = 60.0
LONGEST_PAUSE = 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Platforms:
    """What bringing audiences up to date needs."""

    stores: Stores
    clock: Clock
    social: Social


async def create(
    name: str, segment: str, url: str, token: str, *, stores: Stores, clock: Clock, private: bool
) -> Audience:
    """Make an audience that follows a segment. Raises Invalid, or Conflict for a name taken."""
    if not _NAME.fullmatch(name):
        raise Invalid("A name is 1 to 100 letters, digits or any of _.-", field=("name",))
    if segment not in (await stores.standings.get()).live:
        raise Invalid(f"There is no segment {segment!r} that is live.", field=("segment",))
    try:
        host, port = check_url(url, private=private)
        await resolve(host, port, private=private)
    except NotSent as error:
        reason = error.reason[0].upper() + error.reason[1:]
        raise Invalid(f"{reason}.", code="WEBHOOK_URL", field=("url",)) from error
    audience = Audience(
        name=name,
        segment=segment,
        url=url,
        token=token,
        created_at=clock.now(),
        next_at=clock.wall(),
    )
    await stores.audiences.add(audience)
    return audience


async def remove(name: str, *, stores: Stores, clock: Clock) -> Audience:
    """Have everybody taken out of an audience over there, and then forget it."""
    return await stores.audiences.change(
        name, leaving=True, enabled=True, failures=0, next_at=clock.wall()
    )


async def ring_due(*, stores: Stores, jobs: Jobs, wall: datetime) -> None:
    """Have those brought up to date whose time has come."""
    if names := await stores.audiences.due(wall, limit=100):
        await jobs.ring(Job.SYNC_AUDIENCE, names)


async def sync(name: str, platforms: Platforms) -> None:
    """Bring an audience up to date, unless another worker does. Safe to repeat."""
    stores, wall = platforms.stores, platforms.clock.wall()
    if name not in await stores.audiences.due(wall, limit=1_000):
        return
    lease = await stores.leases.acquire(f"audience:{name}", seconds=LEASE)
    if lease is None:
        return
    try:
        audience = await stores.audiences.get(name)
        try:
            reason = await _sync(audience, platforms)
        except (NotSent, Unclear) as error:
            reason = str(error)
        await _note(audience, reason, platforms)
    finally:
        await stores.leases.release(lease)


async def _sync(audience: Audience, platforms: Platforms) -> str:
    """Tell of all changes; return what is wrong, if anything is."""
    live = (await platforms.stores.standings.get()).live
    if not audience.leaving and audience.segment not in live:
        # It may be back soon: nobody is taken out because a campaign is being replaced.
        return f"there is no segment {audience.segment!r} that is live"
    number = None if audience.leaving else live[audience.segment]
    added: list[Shown] = []
    removed: list[Shown] = []
    async for new, old in _changes(audience, number, platforms.stores):
        added += [new] if new else []
        removed += [old] if old else []
        if len(added) + len(removed) >= BATCH:
            await _tell(audience, added, removed, platforms)
            added, removed = [], []
    if added or removed:
        await _tell(audience, added, removed, platforms)
    return ""


async def _tell(
    audience: Audience, added: list[Shown], removed: list[Shown], platforms: Platforms
) -> None:
    delta = Delta(audience.name, [s.hashed for s in added], [s.hashed for s in removed])
    await platforms.social.tell(audience.url, audience.token, delta)
    await platforms.stores.audience_members.told(audience.name, added, removed)


async def _note(audience: Audience, reason: str, platforms: Platforms) -> None:
    stores, wall = platforms.stores, platforms.clock.wall()
    members = await stores.audience_members.count(audience.name)
    if audience.leaving and not members and not reason:
        await stores.audiences.forget(audience.name)
        return
    failures = audience.failures + 1 if reason else 0
    pause = timedelta(seconds=min(2**failures, LONGEST_PAUSE)) if reason else EVERY
    fields = {"failures": failures, "reason": reason, "next_at": wall + pause, "members": members}
    if not reason:
        fields["synced_at"] = platforms.clock.now()
    await stores.audiences.change(audience.name, **fields)


async def _changes(
    audience: Audience, number: int | None, stores: Stores
) -> AsyncIterator[tuple[Shown | None, Shown | None]]:
    """Yield who is to be added and who to be taken out: two sorted lists, walked side by side."""
    wanted = _wanted(audience.segment, number, stores)
    there = stores.audience_members.of(audience.name)
    new, old = await anext(wanted, None), await anext(there, None)
    while new or old:
        if old is None or (new and new.user_id < old.user_id):
            yield new, None
            new = await anext(wanted, None)
        elif new is None or old.user_id < new.user_id:
            yield None, old
            old = await anext(there, None)
        else:
            if new.hashed != old.hashed:
                yield new, old
            new, old = await anext(wanted, None), await anext(there, None)


async def _wanted(segment: str, number: int | None, stores: Stores) -> AsyncIterator[Shown]:
    """Yield the segment's members who have agreed to this and have an address, by their ids."""
    start: tuple[str, ...] | None = None
    while number is not None:
        page = await stores.memberships.page(segment, number, Window(limit=PAGE, start=start))
        users = await stores.users.find_many([member.user_id for member in page.items])
        for member in page.items:
            user = users.get(member.user_id)
            if user is not None and user.email and user.consent.social:
                yield Shown(user.id, hashed(user.email))
        if not page.more:
            return
        start = (page.items[-1].user_id,)
