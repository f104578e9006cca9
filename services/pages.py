"""Pages of what waits in lanes: events and due runs, with what deciding on them needs.

As a rule each person of a page is read once, and what becomes of their measures and segments is
decided here and written with one update (`people`). While segments are being filled, or where
measures are kept that the live rules do not have, measures are written before anything is judged,
and people noted to be looked at.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from engine.measures import measures_in
from engine.needs import Need
from engine.playbook import playbook_of
from models.event import Event
from models.measure import FactsChange, KeptMeasure
from models.membership import Cause, Look, Standing
from models.run import Run, RunState
from models.store import Stores
from services import facts, measures, suspects
from services.folding import heard
from services.journeys import Rules
from services.judging import Judging, changed_by, concerned
from services.knowing import Known, know
from services.rulebook import Published, Rulebook

PAGE = 250


@dataclass(frozen=True, slots=True)
class Doubt:
    """Someone whose segments may have changed: `look` says why, `asked` are which."""

    look: Look
    asked: frozenset[str]
    members: frozenset[str]


@dataclass(frozen=True, slots=True)
class Whole:
    """What a page makes of people's measures and segments, which are still to be written.

    `changed` says which facts its events change, for those who can only be noted.
    """

    standing: Standing
    judging: Judging
    measures: Sequence[KeptMeasure]
    changes: Mapping[str, FactsChange] = field(default_factory=dict)
    doubts: Mapping[str, Doubt] = field(default_factory=dict)
    changed: Mapping[str, tuple[frozenset[str], Cause]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    """Some of what waits in lanes. `runs` and `facts` are by user."""

    now: datetime
    events: Sequence[Event]
    due: Sequence[Run]
    runs: Mapping[str, Sequence[Run]]
    rules: Rules
    facts: Mapping[str, Mapping[str, Any]]
    whole: Whole | None


async def waiting(
    lanes: Sequence[int], now: datetime, paused: list[str], stores: Stores, *, most: int
) -> tuple[Sequence[Event], Sequence[Run]]:
    """Return what waits in lanes; of one that is suspect, less than a page and counted."""
    if most < PAGE:
        (lane,) = lanes
        return await suspects.next_suspects(lane, now, paused=paused, most=most, stores=stores)
    return await asyncio.gather(
        stores.events.pending(lanes, limit=PAGE),
        stores.runs.due(lanes, now, paused=paused, limit=PAGE),
    )


async def read(
    events: Sequence[Event],
    due: Sequence[Run],
    current: Published,
    *,
    stores: Stores,
    rulebook: Rulebook,
    now: datetime,
    wall: datetime,
) -> Page:
    """Return a page of these, with all that deciding on them needs."""
    numbers = {event.publication for event in events} | {run.publication for run in due}
    rules = await Rules.of(numbers, current, rulebook)
    starting = [run for run in due if run.state is RunState.PLANNED]
    known, standing, kept = await asyncio.gather(
        stores.runs.of_users(
            sorted({event.user_id for event in events} | {run.user_id for run in starting}),
            triggers=sorted(
                {plan.trigger.name for event in events for plan in rules.started_by(event)}
                | {run.trigger for run in starting}
            ),
            goals_since=min((event.at for event in events), default=None),
        ),
        stores.standings.get(),
        _kept(events, stores),
    )
    await rules.add({run.publication for run in known}, rulebook)
    by_user = _by_user(known, due)
    who = _concerned(events, by_user, rules, now)
    since = _earliest(events, by_user, now)
    needs = _needs(rules)
    if not _is_whole(standing, kept, current):
        await measures.add(events, program=current.program, stores=stores, wall=wall)
        loaded = (
            await facts.load(who, current, stores=stores, now=now, needs=needs, since=since)
            if who
            else {}
        )
        return Page(now, events, due, by_user, rules, loaded, None)
    judging = Judging.of(standing, current.program, now)
    found, whole = await _know(
        events,
        who,
        current,
        Whole(standing, judging, kept),
        stores=stores,
        needs=needs,
        since=since,
    )
    return Page(now, events, due, by_user, rules, found.facts, whole)


async def _kept(events: Iterable[Event], stores: Stores) -> Sequence[KeptMeasure]:
    names = sorted({event.name for event in events})
    return await stores.measures.of_events(names) if names else ()


def _is_whole(standing: Standing, kept: Iterable[KeptMeasure], current: Published) -> bool:
    """Whether everything that a page comes to for a person can be told from the live rules."""
    program = current.program
    here = measures_in(program)
    return (
        standing.publication == current.number
        and standing.filling is None
        and all(measure.id in here and measure.zone == program.zone for measure in kept)
    )


async def _know(
    events: Sequence[Event],
    who: Iterable[str],
    current: Published,
    whole: Whole,
    *,
    stores: Stores,
    needs: frozenset[Need],
    since: datetime,
) -> tuple[Known, Whole]:
    """Read the people of a page once, and tell what their measures and segments depend on."""
    judging = whole.judging
    days = heard(events, {measure.id for measure in whole.measures}, current.program)
    changed = changed_by(events, [judging.watch])
    ids = {*who, *changed}.union(*days.values())
    if not ids:
        return Known(), whole
    people = await stores.persons.read(sorted(ids))
    looks = {
        user_id: look
        for user_id, person in people.items()
        # Who has moves that were not carried out is left to the next look.
        if not person.look.moves
        and (look := _to_look(person.look, changed.get(user_id), judging.moment.now))
    }
    asked = {user_id: concerned(look, judging) for user_id, look in looks.items()}
    names = frozenset[str]().union(*asked.values())
    found, members = await asyncio.gather(
        know(
            people,
            days,
            current,
            stores=stores,
            needs=needs | judging.watch.needed(names),
            since=since,
        ),
        stores.memberships.of_users(
            [user_id for user_id in asked if asked[user_id]],
            {name: judging.numbers[name] for name in names},
        ),
    )
    doubts = {
        user_id: Doubt(
            look, asked[user_id], frozenset(each.segment for each in members.get(user_id, ()))
        )
        for user_id, look in looks.items()
    }
    return found, replace(whole, changes=found.changes, doubts=doubts, changed=changed)


def _to_look(
    look: Look, changed: tuple[frozenset[str], Cause] | None, now: datetime
) -> Look | None:
    """Return why someone is to be looked at now, if they are."""
    if changed is not None:
        facts_changed, cause = changed
        return replace(look, of=look.of | facts_changed, cause=cause)
    return look if look.at <= now else None


def _earliest(
    events: Iterable[Event], by_user: Mapping[str, Sequence[Run]], now: datetime
) -> datetime:
    """Return the first moment for which something is decided."""
    due = (run.due_at for theirs in by_user.values() for run in theirs if run.due_at is not None)
    return min((now, *(event.at for event in events), *due))


def _by_user(known: Iterable[Run], due: Iterable[Run]) -> dict[str, list[Run]]:
    # What was read later counts.
    merged = {run.id: run for run in due} | {run.id: run for run in known}
    by_user: dict[str, list[Run]] = {}
    for run in merged.values():
        by_user.setdefault(run.user_id, []).append(run)
    return by_user


def _concerned(
    events: Iterable[Event], by_user: Mapping[str, Sequence[Run]], rules: Rules, now: datetime
) -> list[str]:
    """Return the users whose journeys, points or lotteries anything can follow for."""
    concerned = {
        user_id
        for user_id, theirs in by_user.items()
        if any(run.due_at is not None and run.due_at <= now for run in theirs)
    }
    for event in events:
        if (
            rules.started_by(event)
            or rules.lotteries(event)
            or rules.may_earn(event)
            or any(rules.awaits(run, event) for run in by_user.get(event.user_id, ()))
        ):
            concerned.add(event.user_id)
    return sorted(concerned)


def _needs(rules: Rules) -> frozenset[Need]:
    return frozenset().union(
        *(playbook_of(published.program).needs for published in rules.versions.values())
    )
