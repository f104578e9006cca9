"""Keeping audiences like the segments they follow: people who agreed to it, as hashes.

What is in the segment is held against what the platform has been told, and the difference is told
in batches, each noted after it was taken. Whoever is killed in between tells the same batch again,
and that changes nothing over there.

At first, when the segment has been filled anew, and once a day for good measure, everybody is gone
through in the order of their ids. Else only those who have moved (models/store/notes): who came in
or went, or whose address or consent is another.

An audience that a worker died with is taken alone from then on, so that its neighbours are told and
only what kills is counted on; at the fifth death it is set aside.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from channels import NotSent, Unclear
from channels.addresses import check_url, resolve
from channels.social import Delta, Social, hashed
from models.audience import Audience, Shown
from models.errors import Invalid
from models.lease import Lease
from models.paging import Window
from models.store import Stores
from models.user import User
from services import suspects
from services.clock import Clock
from services.custody import Custody
from services.jobs import Job, Jobs
from services.keeping import kept

# Who is to be added, and who, or what was known of them, to be taken out.
Change: TypeAlias = tuple[Shown | None, Shown | None]

_NAME = re.compile(r"[\w.-]{1,100}")
EVERY = timedelta(minutes=1)
BATCH = 500
PAGE = 500
LEASE = 60.0
LONGEST_PAUSE = 3_600
WALK_EVERY = timedelta(days=1)
# What was being written when the last sync looked may show up only now.
OVERLAP = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Platforms:
    """What bringing audiences up to date needs."""

    stores: Stores
    clock: Clock
    social: Social
    custody: Custody = field(default_factory=Custody)


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
    return await stores.audiences.change(name, leaving=True, **_anew(clock.wall()))


async def enable(name: str, *, stores: Stores, clock: Clock) -> Audience:
    """Have an audience brought up to date at once, also if it was set aside. Raises NotFound."""
    return await stores.audiences.change(name, **_anew(clock.wall()))


def _anew(wall: datetime) -> dict[str, Any]:
    return {"enabled": True, "failures": 0, "deaths": 0, "reason": "", "next_at": wall}


async def ring_due(*, stores: Stores, jobs: Jobs, wall: datetime) -> None:
    """Have those brought up to date whose time has come."""
    if names := await stores.audiences.due(wall, limit=100):
        await jobs.ring(Job.SYNC_AUDIENCE, names)


async def sync(name: str, platforms: Platforms) -> None:
    """Bring an audience up to date, unless another worker does. Safe to repeat."""
    audience = await _due(name, platforms)
    if audience is None:
        return
    if audience.deaths:
        async with platforms.custody.alone:
            await _hold(name, platforms)
    else:
        await _hold(name, platforms)


async def _due(name: str, platforms: Platforms) -> Audience | None:
    audience = (await platforms.stores.audiences.find_many([name])).get(name)
    due = audience is not None and audience.is_due(platforms.clock.wall())
    return audience if due else None


async def _hold(name: str, platforms: Platforms) -> None:
    """Bring an audience up to date while nobody else does, or count who died of it."""
    leases = platforms.stores.leases
    held: list[Lease] = []
    async with platforms.custody.of(lambda: leases.release_all(held)):
        lease = await leases.acquire(f"audience:{name}", seconds=LEASE)
        if lease is None:
            return
        held.append(lease)
        if lease.abandoned:
            await _count_death(name, platforms)
        elif audience := await _due(name, platforms):  # others may have had it while we waited
            await _bring_up_to_date(audience, lease, platforms)
        await leases.release(lease)


async def _count_death(name: str, platforms: Platforms) -> None:
    """Count whoever did not let go of an audience. The next bell has it tried alone."""
    stores, wall = platforms.stores, platforms.clock.wall()
    audience = await stores.audiences.count_death(name)
    if audience is not None and audience.deaths >= suspects.DEATHS:
        await suspects.set_audience_aside(audience, wall, stores=stores)


async def _bring_up_to_date(audience: Audience, lease: Lease, platforms: Platforms) -> None:
    async with kept([lease], seconds=LEASE, stores=platforms.stores) as lost:
        sync = _Sync(audience, lost, platforms)
        try:
            reason = await sync.run()
        except (NotSent, Unclear) as error:
            reason = str(error)
        if not lost.is_set():
            await _note(sync, reason, platforms)


class _Sync:
    """One time of bringing an audience up to date. `more` is how many more it has by that.

    Once `lost` is set nothing more is told: whoever has the audience now tells the rest.
    """

    def __init__(self, audience: Audience, lost: asyncio.Event, platforms: Platforms) -> None:
        self.audience = audience
        self.more = 0
        self.walked = False
        self.progress: dict[str, Any] = {}  # what is to be kept if all goes well
        self._lost = lost
        self._platforms = platforms
        self._stores = platforms.stores

    async def run(self) -> str:
        """Tell of all changes; return what is wrong, if anything is."""
        audience, wall = self.audience, self._platforms.clock.wall()
        live = (await self._stores.standings.get()).live
        if not audience.leaving and audience.segment not in live:
            # It may be back soon: nobody is taken out because a campaign is being replaced.
            return f"there is no segment {audience.segment!r} that is live"
        number = None if audience.leaving else live[audience.segment]
        self.progress = {"number": number, "seen_at": await self._stores.looks.clock()}
        late = audience.walked_at is None or wall - audience.walked_at >= WALK_EVERY
        if audience.seen_at is None or number is None or number != audience.number or late:
            self.walked = True
            self.progress["walked_at"] = wall
            await self._tell_all(_changes(audience, number, self._stores))
        else:
            since = audience.seen_at - OVERLAP
            await self._tell_all(_moves(audience, number, since, self._stores))
        if not self._lost.is_set():
            await self._stores.audiences.answered(audience.name, audience.asked)
        return ""

    async def _tell_all(self, changes: AsyncIterator[Change]) -> None:
        added: list[Shown] = []
        removed: list[Shown] = []
        async for new, old in changes:
            added += [new] if new else []
            removed += [old] if old else []
            if self._lost.is_set():
                return
            if len(added) + len(removed) >= BATCH:
                await self._tell(added, removed)
                added, removed = [], []
        if added or removed:
            await self._tell(added, removed)

    async def _tell(self, added: list[Shown], removed: list[Shown]) -> None:
        audience = self.audience
        delta = Delta(audience.name, [s.hashed for s in added], [s.hashed for s in removed])
        await self._platforms.social.tell(audience.url, audience.token, delta)
        self.more += await self._stores.audience_members.told(audience.name, added, removed)


async def _note(sync: _Sync, reason: str, platforms: Platforms) -> None:
    stores, wall, audience = platforms.stores, platforms.clock.wall(), sync.audience
    members = audience.members + sync.more
    if sync.walked:
        members = await stores.audience_members.count(audience.name)
    if audience.leaving and not members and not reason:
        await stores.audiences.forget(audience.name)
        return
    failures = audience.failures + 1 if reason else 0
    pause = timedelta(seconds=min(2**failures, LONGEST_PAUSE)) if reason else EVERY
    fields: dict[str, Any] = {
        "failures": failures,
        "deaths": 0,
        "reason": reason,
        "next_at": wall + pause,
        "members": members,
    }
    if not reason:
        fields |= {"synced_at": platforms.clock.now(), **sync.progress}
    await stores.audiences.change(audience.name, **fields)


async def _moves(
    audience: Audience, number: int, since: datetime, stores: Stores
) -> AsyncIterator[Change]:
    """Yield what is to be told of those who have moved since, and of those who were asked about."""
    after: tuple[datetime, str] | None = None
    ids = list(audience.asked)
    while True:
        async for change in _differences(audience, number, ids, stores):
            yield change
        moved = await stores.looks.moved(since, after, limit=PAGE)
        if not moved:
            return
        after, ids = moved[-1], [user_id for _, user_id in moved]


async def _differences(
    audience: Audience, number: int, ids: Sequence[str], stores: Stores
) -> AsyncIterator[Change]:
    if not ids:
        return
    users, members, there = await asyncio.gather(
        stores.users.find_many(ids),
        stores.memberships.of_users(ids, {audience.segment: number}),
        stores.audience_members.of_users(audience.name, ids),
    )
    for user_id in ids:
        user = users.get(user_id)
        new = _shown(user) if user is not None and members[user_id] else None
        old = there.get(user_id)
        if new != old:
            yield new, old


async def _changes(audience: Audience, number: int | None, stores: Stores) -> AsyncIterator[Change]:
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
            if user is not None and (shown := _shown(user)):
                yield shown
        if not page.more:
            return
        start = (page.items[-1].user_id,)


def _shown(user: User) -> Shown | None:
    """Return what a platform may know of someone, if they have agreed to it."""
    if not user.email or not user.consent.social:
        return None
    return Shown(user.id, hashed(user.email))
