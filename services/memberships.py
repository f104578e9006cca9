"""Keeping members of segments: people of whom something has changed are looked at again.

    a change notes on its person what it is of (models/store/looks) ─► the lane reads who is noted,
    or whose day has come ─► judges what that can concern ─► keeps what was decided ─► carries it
    out: members, the feed, runs that it starts ─► forgets the note, unless there is another by now

Killed anywhere, the note is still there, or what was decided is, and the next one goes on from it.
Segments that are being filled stand still meanwhile: who is looked at is looked at after it again.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import dsl
from engine.membership import Watch, watch_of
from engine.playbook import playbook_of
from engine.starting import planned
from models.event import Event
from models.feed import FeedEntry
from models.ids import new_id
from models.membership import ANYTHING, PROFILE, Cause, CauseKind, Look, Move, Standing
from models.run import Run
from models.store import Stores
from models.store.looks import Seen
from services import facts, starts
from services.jobs import Jobs
from services.rulebook import Published, Rulebook

log = logging.getLogger(__name__)

PAGE = 250


async def follow(
    events: Sequence[Event], *, stores: Stores, rulebook: Rulebook, now: datetime
) -> None:
    """Note on people which of their events can change a segment. The events must have been stored.

    How segments stand is read after that: a filling that begins later sees the events itself.
    """
    if not events:
        return
    standing = await stores.standings.get()
    watches = await _watches(standing, rulebook)
    changed: dict[str, tuple[set[str], Cause]] = {}
    for event in events:
        facts_changed = set().union(*(watch.changed_by(event) for watch in watches))
        if facts_changed:
            names, _ = changed.get(event.user_id, (set(), PROFILE))
            changed[event.user_id] = (names | facts_changed, Cause(CauseKind.EVENT, event.id))
    await stores.looks.note(changed)
    # What lies ahead counts when its time has come.
    await stores.looks.look_by({event.user_id: event.at for event in events if event.at > now})


async def _watches(standing: Standing, rulebook: Rulebook) -> list[Watch]:
    numbers = [standing.publication]
    if standing.filling is not None:
        numbers.append(standing.filling.publication)
    return [watch_of((await rulebook.version(number)).program) for number in numbers]


async def look(
    lane: int,
    *,
    stores: Stores,
    rulebook: Rulebook,
    jobs: Jobs,
    now: datetime,
    limit: int = PAGE,
) -> int:
    """Look at people of a lane who are due; return of how many that is done with."""
    looks = await stores.looks.due(lane, now, limit=limit)
    if not looks:
        return 0
    standing = await stores.standings.get()
    published = await rulebook.version(standing.publication)
    left = [look for look in looks if look.moves]
    if left:
        # A killed worker had decided on these: they are carried out, and looked at anew.
        seen = [Seen(look=look, moves=look.moves, changes_at=now) for look in left]
    else:
        seen = await _judged(looks, standing, published, stores=stores, now=now)
        moving = await stores.looks.decide([each for each in seen if each.moves])
        seen = [each for each in seen if not each.moves or each.look.user_id in moving]
    await _carry_out(seen, standing, published, stores=stores)
    await _start(seen, published, stores=stores, jobs=jobs, now=now)
    mixed = await stores.looks.finish(seen)
    await stores.looks.note(dict.fromkeys(mixed, ((ANYTHING,), PROFILE)))
    return len(seen)


@dataclass(frozen=True, slots=True)
class _Page:
    """What judging people needs. `numbers` are those of the segments that do not stand still."""

    watch: Watch
    moment: dsl.Moment
    numbers: Mapping[str, int]
    missed: int | None


async def _judged(
    looks: Sequence[Look],
    standing: Standing,
    published: Published,
    *,
    stores: Stores,
    now: datetime,
) -> list[Seen]:
    program = published.program
    frozen = standing.frozen()
    page = _Page(
        watch_of(program),
        dsl.Moment(now, program.zone, program),
        {name: number for name, number in standing.live.items() if name not in frozen},
        standing.filling.number if standing.filling else None,
    )
    concerned = {look.user_id: _concerned(look, page) for look in looks}
    asked = frozenset[str]().union(*concerned.values())
    ids = [user_id for user_id, segments in concerned.items() if segments]
    needs = page.watch.needed(asked)
    known, members = await asyncio.gather(
        facts.load(ids, published, stores=stores, now=now, needs=needs),
        stores.memberships.of_users(ids, {name: page.numbers[name] for name in asked}),
    )
    return [
        _seen(
            look,
            concerned[look.user_id],
            known.get(look.user_id, {}),
            {member.segment for member in members.get(look.user_id, ())},
            page,
        )
        for look in looks
    ]


def _concerned(look: Look, page: _Page) -> frozenset[str]:
    """Return the segments that someone may have come into or left."""
    everything = look.token is None or _is_due_by_time(look, page.moment.now)
    changed = (ANYTHING,) if everything else look.of
    return page.watch.concerned(changed) & page.numbers.keys()


def _is_due_by_time(look: Look, now: datetime) -> bool:
    return look.changes_at is not None and look.changes_at <= now


def _seen(
    look: Look,
    concerned: frozenset[str],
    known: Mapping[str, Any],
    members: Iterable[str],
    page: _Page,
) -> Seen:
    ahead = None if _is_due_by_time(look, page.moment.now) else look.changes_at
    if not concerned:
        return Seen(look=look, changes_at=ahead, missed=page.missed)
    was = frozenset(members)
    holding = page.watch.holding(concerned, known, page.moment)
    today = page.moment.today
    cause, at = look.cause, page.moment.now
    if cause is None:
        cause = Cause(CauseKind.DAY, today.isoformat())
        at = page.moment.first_instant(today)
    moves = tuple(
        Move(
            id=new_id(),
            segment=name,
            number=page.numbers[name],
            entered=name in holding,
            at=at,
            cause=cause,
        )
        for name in sorted(was ^ holding)
    )
    turns = (page.watch.next_change(concerned, holding, known, page.moment), ahead)
    changes_at = min((turn for turn in turns if turn is not None), default=None)
    return Seen(look=look, moves=moves, changes_at=changes_at, missed=page.missed)


async def _carry_out(
    seen: Sequence[Seen], standing: Standing, published: Published, *, stores: Stores
) -> None:
    """Do what was decided, each part keyed by what it is. Safe to repeat."""
    moves = {
        # Who is no longer counted by these numbers has been counted anew.
        each.look.user_id: [m for m in each.moves if standing.live.get(m.segment) == m.number]
        for each in seen
    }
    await asyncio.gather(
        stores.memberships.carry_out(moves),
        stores.outbox.add(
            _entry(each.look.user_id, move, published) for each in seen for move in each.moves
        ),
    )


async def _start(
    seen: Sequence[Seen], published: Published, *, stores: Stores, jobs: Jobs, now: datetime
) -> None:
    """Plan the runs that coming into a segment, or leaving it, starts. Safe to repeat.

    A move starts a trigger once, because its id is what the run is known by. Whoever comes in or
    goes because a segment was published has made no move.
    """
    triggers = playbook_of(published.program).on_segments
    runs: dict[str, list[Run]] = {}
    for each in seen:
        for move in each.moves:
            for trigger in triggers.get((move.segment, move.entered), ()):
                run = planned(
                    trigger,
                    each.look.user_id,
                    f"segment|{move.id}",
                    move.at,
                    campaign_id=published.campaign_of.get(trigger.name),
                    publication=published.number,
                )
                runs.setdefault(trigger.name, []).append(run)
    for name, theirs in runs.items():
        trigger = published.program.triggers[name]
        await starts.plan(theirs, trigger, stores=stores, jobs=jobs, now=now)


def _entry(user_id: str, move: Move, published: Published) -> FeedEntry:
    verb = "entered" if move.entered else "left"
    why = {move.cause.kind.value: move.cause.of}
    return FeedEntry(
        f"segment:{move.id}",
        f"segment.{verb}",
        move.at,
        published.campaign_of.get(move.segment),
        user_id,
        {"segment": move.segment, "why": why},
    )
