"""Keeping members of segments: people of whom something has changed are looked at again.

    a change notes on its person what it is of (models/store/notes) ─► the lane reads who is noted,
    or whose day has come ─► judges what that can concern ─► keeps what was decided ─► carries it
    out: members, the feed, runs that it starts ─► forgets the note, unless there is another by now

What events of a page change is judged in the page itself (services.pages), mostly without a note.
Killed anywhere, the note is still there, or what was decided is, and the next one goes on from it.
Segments that are being filled stand still meanwhile: who is looked at is looked at after it again.
"""

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from weakref import WeakKeyDictionary

from engine.membership import Watch, watch_of
from engine.needs import Need
from engine.playbook import playbook_of
from engine.starting import planned
from models.event import Event
from models.feed import FeedEntry
from models.membership import ANYTHING, PROFILE, CauseKind, Look, Move, Standing
from models.run import Run
from models.store import Stores
from models.store.notes import Seen
from models.store.persons import Person
from models.store.standings import Standings
from services import facts, starts, suspects
from services.jobs import Jobs
from services.judging import Judging, ahead, changed_by, concerned, judge
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
    await stores.looks.note(changed_by(events, watches))
    # What lies ahead counts when its time has come.
    await stores.looks.look_by(ahead(events, now))


async def asked(*, stores: Stores, rulebook: Rulebook) -> frozenset[str]:
    """Return the facts that segments ask about, also those that are being filled."""
    watches = await _watches(await stores.standings.get(), rulebook)
    return frozenset().union(*(watch.by_fact for watch in watches))


async def _watches(standing: Standing, rulebook: Rulebook) -> list[Watch]:
    numbers = [standing.publication]
    if standing.filling is not None:
        numbers.append(standing.filling.publication)
    return [watch_of((await rulebook.version(number)).program) for number in numbers]


async def look(
    lanes: Sequence[int],
    *,
    stores: Stores,
    rulebook: Rulebook,
    jobs: Jobs,
    now: datetime,
    most: int = PAGE,
) -> int:
    """Look at people of these lanes who are due; return of how many that is done with.

    Less than a page is taken of one lane that is suspect, and counted.
    """
    people: dict[str, Person] | None = None
    if most < PAGE:
        (lane,) = lanes
        looks = await suspects.next_looks(lane, now, most=most, stores=stores)
    else:
        due = await stores.persons.due(lanes, now, limit=most)
        looks = [person.look for person in due]
        people = {person.user.id: person for person in due}
    if not looks:
        return 0
    standing, read = await _read_at_once(looks, people, stores, rulebook, now)
    published = await rulebook.version(standing.publication)
    left = [look for look in looks if look.moves]
    if left:
        # A killed worker had decided on these: they are carried out, and looked at anew.
        seen = [Seen(look=look, moves=look.moves, changes_at=now) for look in left]
    else:
        # What was read before it was known how segments stand is read again: people, too.
        read = read or await _read(looks, standing, published, stores=stores, now=now)
        seen = [read.judged(look) for look in looks]
        moving = await stores.looks.decide([each for each in seen if each.moves])
        seen = [each for each in seen if not each.moves or each.look.user_id in moving]
    await carry_out(seen, standing, published, stores=stores, jobs=jobs, now=now)
    return len(seen)


async def carry_out(
    seen: Sequence[Seen],
    standing: Standing,
    published: Published,
    *,
    stores: Stores,
    jobs: Jobs,
    now: datetime,
) -> None:
    """Do what was decided and is kept on these people, and forget it. Safe to repeat."""
    if not seen:
        return
    if moving := [each for each in seen if each.moves]:
        await _move(moving, standing, published, stores=stores)
        await _start(moving, published, stores=stores, jobs=jobs, now=now)
    mixed = await stores.looks.finish(seen)
    await stores.looks.note(dict.fromkeys(mixed, ((ANYTHING,), PROFILE)))


@dataclass(frozen=True, slots=True)
class _Question:
    """Who is asked about, and by id in which segments they may be or no longer be."""

    judging: Judging
    concerned: Mapping[str, frozenset[str]]

    @classmethod
    def of(
        cls, looks: Sequence[Look], standing: Standing, published: Published, now: datetime
    ) -> Self:
        judging = Judging.of(standing, published.program, now)
        return cls(judging, {look.user_id: concerned(look, judging) for look in looks})

    @property
    def ids(self) -> list[str]:
        """Those of whom something must be known."""
        return [user_id for user_id, segments in self.concerned.items() if segments]

    @property
    def live(self) -> Mapping[str, int]:
        """The segments, with their numbers."""
        names = frozenset[str]().union(*self.concerned.values())
        return {name: self.judging.numbers[name] for name in names}

    @property
    def needs(self) -> frozenset[Need]:
        """What must be known of people's events."""
        return self.judging.watch.needed(self.live)


@dataclass(frozen=True, slots=True)
class _Read:
    """What judging some people takes; facts and segments by their ids."""

    question: _Question
    known: Mapping[str, Mapping[str, Any]]
    members: Mapping[str, Collection[str]]

    def judged(self, look: Look) -> Seen:
        """Return what looking at someone comes to."""
        return judge(
            look,
            self.question.concerned[look.user_id],
            self.known.get(look.user_id, {}),
            self.members.get(look.user_id, ()),
            self.question.judging,
        )


_STOOD: WeakKeyDictionary[Standings, Standing] = WeakKeyDictionary()


async def _read_at_once(
    looks: Sequence[Look],
    people: Mapping[str, Person] | None,
    stores: Stores,
    rulebook: Rulebook,
    now: datetime,
) -> tuple[Standing, _Read | None]:
    """Return how segments stand, and what judging takes if they stand as they did the last time.

    Nobody has then begun or ended to fill them since, so that it does not matter that all is read
    at once. How they stand has to be read after the notes: who begins to fill them after a note was
    written sees what it is of, and who had begun before is seen.
    """
    stood = _STOOD.get(stores.standings)
    if stood is None or people is None:
        standing, read = await stores.standings.get(), None
    else:
        published = await rulebook.version(stood.publication)
        question = _Question.of(looks, stood, published, now)
        wanted = facts.wanted(question.needs, published, now)
        sight = await stores.sights.see(question.ids, question.live, wanted)
        asked = {user_id: people[user_id] for user_id in question.ids}
        known = facts.of_people(asked, sight.events, published, now)
        standing, read = sight.standing, _Read(question, known, sight.members)
    _STOOD[stores.standings] = standing
    return standing, read if standing == stood else None


async def _read(
    looks: Sequence[Look],
    standing: Standing,
    published: Published,
    *,
    stores: Stores,
    now: datetime,
) -> _Read:
    question = _Question.of(looks, standing, published, now)
    known, members = await asyncio.gather(
        facts.load(question.ids, published, stores=stores, now=now, needs=question.needs),
        stores.memberships.of_users(question.ids, question.live),
    )
    names = {user_id: {each.segment for each in theirs} for user_id, theirs in members.items()}
    return _Read(question, known, names)


async def _move(
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
    goes because a segment was published has made no move, and what was imported starts nobody.
    """
    triggers = playbook_of(published.program).on_segments
    runs: dict[str, list[Run]] = {}
    for each in seen:
        for move in (each for each in each.moves if each.cause.kind is not CauseKind.IMPORT):
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
        program = published.program
        await starts.plan(
            theirs, program.triggers[name], program, stores=stores, jobs=jobs, now=now
        )


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
