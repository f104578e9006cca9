"""Filling segments: whoever publishes a new or changed one has its members found among everyone.

    notice a publication ─► begin ─► page after page of people, in the database ─► switch ─► tell
    ─► delete the members that no longer count

The members found are kept beside those that count until one update of one document makes them
count; until then everybody reads the old ones. What happens meanwhile is looked at once more
after the switch (services/memberships). One worker at a time by a lease; killed anywhere, the next
goes on from the page that was noted last.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias

import dsl
from engine.membership import changed_between, watch_of
from models.errors import Unavailable
from models.feed import FeedEntry
from models.membership import Filling, Standing
from models.store import Stores
from models.store.looks import into_looks
from models.store.memberships import into_memberships
from services import facts, measures
from services.clock import Clock
from services.jobs import Job, Jobs
from services.rulebook import Published, Rulebook

log = logging.getLogger(__name__)

# Whether whoever fills is still the one who does, for the time of the lease.
Held: TypeAlias = Callable[[], Awaitable[bool]]

LEASE = 30.0  # seconds; a page takes far less
PAGE = 5_000
PAGE_IN_PYTHON = 500


async def look_after(*, stores: Stores, rulebook: Rulebook, jobs: Jobs) -> None:
    """Have segments filled if the rules that are live want others, and what is over seen to."""
    standing = await stores.standings.get()
    current = await rulebook.current()
    if standing.publication != current.number or standing.filling or standing.dead:
        await jobs.ring(Job.FILL_SEGMENTS, ["now"])
    await _tell(standing, stores)
    await stores.looks.miss(standing.filled)


async def work(
    *,
    stores: Stores,
    rulebook: Rulebook,
    clock: Clock,
    stopping: Callable[[], bool] = lambda: False,
) -> None:
    """Fill what is to be filled, unless another worker does. Safe to run twice, also at once."""
    lease = await stores.leases.acquire("segments", seconds=LEASE)
    if lease is None:
        return

    async def held() -> bool:
        return await stores.leases.renew(lease, seconds=LEASE) is not None

    try:
        while not stopping() and await step(
            held, stores=stores, rulebook=rulebook, now=clock.now()
        ):
            if not await held():
                log.warning("another worker fills segments")
                return
    finally:
        with suppress(Unavailable):
            await stores.leases.release(lease)


async def step(held: Held, *, stores: Stores, rulebook: Rulebook, now: datetime) -> bool:
    """Do the next part of what is to be done; return whether there was anything."""
    standing = await stores.standings.get()
    if standing.filling is not None:
        published = await rulebook.version(standing.filling.publication)
        if await _fill(standing, standing.filling, published, held, stores):
            return True
        return await _switch(standing, standing.filling, published, stores)
    current = await rulebook.current()
    if standing.publication != current.number:
        before = await rulebook.version(standing.publication)
        return await _begin(standing, before, current, stores=stores, now=now)
    return await _bury(standing, stores)


async def _begin(
    standing: Standing, before: Published, current: Published, *, stores: Stores, now: datetime
) -> bool:
    """Note what is to be filled. What stays as it was goes on as it is."""
    was, to_be = before.program, current.program
    changed = changed_between(was, to_be, dsl.segments_changed(was, to_be))
    names = changed | (to_be.segments.keys() - standing.live.keys())
    if not names:
        await stores.standings.save(_of(standing, current, {}))
        return True
    filling = Filling(
        number=standing.version + 1,
        publication=current.number,
        names=tuple(sorted(names)),
        at=now,
    )
    await stores.standings.save(replace(standing, filling=filling))
    return True


def _of(standing: Standing, published: Published, filled: Mapping[str, int]) -> Standing:
    """Return how segments stand when those of a publication count, some of them filled anew."""
    live = {**standing.live, **filled}
    wanted = published.program.segments.keys()
    dead = [
        (name, number)
        for name, number in standing.live.items()
        if name in filled or name not in wanted
    ]
    return replace(
        standing,
        publication=published.number,
        live={name: number for name, number in live.items() if name in wanted},
        filling=None,
        dead=(*standing.dead, *dead),
    )


# --- pages ---------------------------------------------------------------------------------------


async def _fill(
    standing: Standing, filling: Filling, published: Published, held: Held, stores: Stores
) -> bool:
    """Look at the next people; return whether there were any.

    Where no segment counts yet, nobody of them need be looked at alone as well. Their notes are
    read before it is sure that nobody else fills: else they might be of what another has not seen.
    """
    program = published.program
    moment = dsl.Moment(filling.at, program.zone, program)
    layout = await measures.layout(dsl.Layout(), stores=stores, now=moment.now)
    asked = [name for name in filling.names if _is_pushable(name, layout, moment)]
    others = [name for name in filling.names if name not in asked]
    size = PAGE_IN_PYTHON if others else PAGE
    upto = await stores.looks.last_of(filling.after, count=size)
    if upto is None:
        return False
    notes = [] if standing.live else await stores.looks.notes(filling.after, upto)
    if not await held():
        return True
    conditions = {name: program.segments[name].condition for name in asked}
    if conditions:
        stages = dsl.to_mongo_together(conditions, layout, moment)
        into = into_memberships(filling, standing.live)
        if not await stores.looks.run(filling.after, upto, [*stages, *into]):
            # Whoever had begun with this page was killed.
            into = into_memberships(filling, standing.live, again=True)
            await stores.looks.run(filling.after, upto, [*stages, *into])
    timed = {name: conditions[name] for name in asked if name in watch_of(program).timed}
    if timed:
        stages = dsl.to_mongo_next_change(timed, layout, moment)
        await stores.looks.run(filling.after, upto, [*stages, *into_looks()])
    if others:
        await _fill_in_python(others, standing, filling, moment, published, stores)
    if notes:
        await stores.looks.settle(filling.after, upto, notes)
    await stores.standings.advance(standing, upto)
    return True


def _is_pushable(name: str, layout: dsl.Layout, moment: dsl.Moment) -> bool:
    condition = {name: moment.program.segments[name].condition}
    try:
        dsl.to_mongo_together(condition, layout, moment)
        dsl.to_mongo_next_change(condition, layout, moment)
    except dsl.NotPushable:
        return False
    return True


async def _fill_in_python(
    names: Sequence[str],
    standing: Standing,
    filling: Filling,
    moment: dsl.Moment,
    published: Published,
    stores: Stores,
) -> None:
    """Find members of segments that the database cannot be asked about."""
    watch = watch_of(published.program)
    ids = await stores.looks.ids(filling.after, limit=PAGE_IN_PYTHON)
    known = await facts.load(
        ids, published, stores=stores, now=moment.now, needs=watch.needed(names)
    )
    members: dict[str, list[str]] = {name: [] for name in names}
    changes: dict[str, datetime] = {}
    for user_id, theirs in known.items():
        holding = watch.holding(names, theirs, moment)
        for name in holding:
            members[name].append(user_id)
        turn = watch.next_change(names, holding, theirs, moment)
        if turn is not None:
            changes[user_id] = turn
    await stores.memberships.add(members, filling, standing.live)
    await stores.looks.look_by(changes)


# --- the switch ----------------------------------------------------------------------------------


async def _switch(
    standing: Standing, filling: Filling, published: Published, stores: Stores
) -> bool:
    """Make the members found count, all at once, and tell of it."""
    entries = [await _entry(name, standing, filling, published, stores) for name in filling.names]
    filled = dict.fromkeys(filling.names, filling.number)
    switched = replace(
        _of(standing, published, filled),
        filled=filling.number,
        untold=(*standing.untold, *entries),
    )
    saved = await stores.standings.save(switched)
    if saved is not None:
        await _tell(saved, stores)
        await stores.looks.miss(saved.filled)
    return True


async def _entry(
    name: str, standing: Standing, filling: Filling, published: Published, stores: Stores
) -> FeedEntry:
    """Return the one entry on all who come in and go because a segment was published."""
    store = stores.memberships
    members = await store.count(name, filling.number)
    entered = await store.count(name, filling.number, publication=filling.publication)
    before = await store.count(name, standing.live[name]) if name in standing.live else 0
    return FeedEntry(
        f"segment:{name}:{filling.number}",
        "segment.filled",
        filling.at,
        published.campaign_of.get(name),
        None,
        {
            "segment": name,
            "publication": filling.publication,
            "members": members,
            "entered": entered,
            "left": before - (members - entered),
        },
    )


async def _tell(standing: Standing, stores: Stores) -> None:
    """Queue for the feed what was saved with a switch. If that fails now, it is done later."""
    if standing.untold:
        await stores.outbox.add(standing.untold)
        await stores.standings.save(replace(standing, untold=()))


async def _bury(standing: Standing, stores: Stores) -> bool:
    """Delete some of the members that no longer count; return whether there were any."""
    if not standing.dead:
        return False
    (name, number), *rest = standing.dead
    if not await stores.memberships.drop(name, number):
        await stores.standings.save(replace(standing, dead=tuple(rest)))
    return True
