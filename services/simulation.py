"""Telling what journeys would do: the same decisions as in lanes, on facts in memory.

Nothing is stored or sent. Time jumps from one thing to the next: an event of the script, a run
that comes due, an occasion of a trigger. Points earned and lotteries entered by events, and
segments that somebody enters, are not looked at.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from dsl import Moment
from dsl.program import Program
from dsl.triggers import Trigger
from engine import occasions
from engine.journeys import user_zone
from engine.occasions import Occasion, Place
from engine.starting import is_for, planned
from models.effect import Effect, EffectKind
from models.event import Event
from models.run import Run
from services.journeys import Journeys, Rules
from services.rulebook import Published
from services.starts import turns

PUBLICATION = 1


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of the account. `run` tells runs of one trigger and user apart, from 1.

    `kind` is event, started, effect, goal, waits or ended.
    """

    at: datetime
    kind: str
    user_id: str
    trigger: str = ""
    run: int = 0
    detail: str = ""
    until: datetime | None = None
    effect: Effect | None = None


async def simulate(
    program: Program,
    people: Mapping[str, Mapping[str, Any]],
    script: Sequence[Event],
    *,
    since: datetime,
    until: datetime,
) -> list[Happening]:
    """Return what happens from `since` up to and including `until`.

    `people` are facts by id ("user" and "events"); `script` is what they do, in any order.
    """
    simulation = _Simulation(program, people, script, since)
    await simulation.run(until)
    return simulation.account


@dataclass(slots=True)
class _Limits:
    """Total limits, as models.store keeps them."""

    holders: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    async def take(self, limit: str, holder: str, *, most: int) -> bool:
        holders = self.holders[limit]
        if holder not in holders and len(holders) >= most:
            return False
        holders.add(holder)
        return True


@dataclass(slots=True)
class _Paces:
    """When each trigger's next turn is."""

    free: dict[str, datetime] = field(default_factory=dict)

    async def take(self, trigger: str, span: timedelta, *, after: datetime) -> datetime:
        first = max(self.free.get(trigger, after), after)
        self.free[trigger] = first + span
        return first


class _Simulation:
    def __init__(
        self,
        program: Program,
        people: Mapping[str, Mapping[str, Any]],
        script: Sequence[Event],
        since: datetime,
    ) -> None:
        published = Published(number=PUBLICATION, program=program)
        self._program = program
        self._rules = Rules(published, {PUBLICATION: published})
        self._facts = {user_id: _own(facts) for user_id, facts in people.items()}
        self._waiting = sorted(script, key=lambda event: (event.at, event.id))
        for event in self._waiting:
            self._remember(event)
        self._runs: dict[str, dict[str, Run]] = defaultdict(dict)
        self._numbers: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
        self._limits, self._paces = _Limits(), _Paces()
        self._codes = count(1)
        self._next = {
            (trigger.name, place): occasions.next_occasion(trigger, place, since)
            for trigger in occasions.timed(program)
            for place in occasions.places(trigger, program, self._zones(since))
        }
        self.account: list[Happening] = []

    async def run(self, until: datetime) -> None:
        """Let time pass until then."""
        while (now := self._next_instant()) is not None and now <= until:
            await self._occur(now)
            events = self._events_at(now)
            users = sorted({event.user_id for event in events} | self._due_at(now))
            for user_id in users:
                await self._work(user_id, [e for e in events if e.user_id == user_id], now)

    # --- what comes next -------------------------------------------------------------------------

    def _next_instant(self) -> datetime | None:
        times = [event.at for event in self._waiting[:1]]
        times += [occasion.at for occasion in self._next.values() if occasion is not None]
        times += [run.due_at for run in self._every_run() if run.due_at is not None]
        return min(times, default=None)

    def _every_run(self) -> Iterator[Run]:
        for runs in self._runs.values():
            yield from runs.values()

    def _due_at(self, now: datetime) -> set[str]:
        return {
            run.user_id for run in self._every_run() if run.due_at is not None and run.due_at <= now
        }

    def _events_at(self, now: datetime) -> list[Event]:
        events = [event for event in self._waiting if event.at <= now]
        del self._waiting[: len(events)]
        return events

    def _zones(self, since: datetime) -> list[str]:
        moment = Moment(since, self._program.zone, self._program)
        return [user_zone(facts, moment) for facts in self._facts.values()]

    # --- occasions -------------------------------------------------------------------------------

    async def _occur(self, now: datetime) -> None:
        for (name, place), occasion in sorted(self._next.items(), key=lambda item: item[0][0]):
            if occasion is not None and occasion.at <= now:
                trigger = self._program.triggers[name]
                await self._plan(trigger, place, occasion)
                following = occasions.next_occasion(trigger, place, occasion.at)
                self._next[(name, place)] = following

    async def _plan(self, trigger: Trigger, place: Place, occasion: Occasion) -> None:
        """Plan the runs of those whom an occasion is for, spread by the trigger's pace."""
        zone = place.zone if trigger.zone is not None else self._program.zone
        moment = Moment(occasion.at, zone, self._program)
        chosen = [
            user_id
            for user_id, facts in sorted(self._facts.items())
            if (not place.own or user_zone(facts, moment) == place.zone)
            and is_for(trigger, facts, moment)
        ]
        cause = f"{occasion.local:%Y-%m-%d}"
        times = [occasion.at] * len(chosen)
        if trigger.pace is not None and chosen:
            times = await turns(
                trigger, trigger.pace, len(chosen), paces=self._paces, after=occasion.at
            )
        for user_id, at in zip(chosen, times, strict=True):
            run = planned(trigger, user_id, cause, at, campaign_id=None, publication=PUBLICATION)
            self._runs[user_id].setdefault(run.id, run)

    # --- people ----------------------------------------------------------------------------------

    async def _work(self, user_id: str, events: Sequence[Event], now: datetime) -> None:
        """Do for one person what a lane would, and note what came of it."""
        facts = self._facts.setdefault(user_id, _own({"user": {"id": user_id}}))
        runs = self._runs[user_id]
        self.account += [Happening(now, "event", user_id, detail=event.name) for event in events]
        journeys = Journeys(
            user_id,
            facts,
            list(runs.values()),
            self._rules,
            self._limits,
            self._paces,
            codes=lambda: f"CODE-{next(self._codes)}",
        )
        await journeys.take(events, now)
        for run in journeys.dropped():
            del runs[run.id]
        for run in (*journeys.planned(), *journeys.postponed()):
            runs[run.id] = run
        for run in (*journeys.moved(), *journeys.started()):
            self.account += self._told(runs.get(run.id), run, now)
            runs[run.id] = replace(run, unsettled=None)
            for effect in run.unsettled or ():
                self._emit(effect)
        self._facts[user_id] = dict(journeys.facts or facts)

    def _told(self, before: Run | None, run: Run, now: datetime) -> Iterable[Happening]:
        numbers = self._numbers[(run.user_id, run.trigger)]
        number = numbers.setdefault(run.id, len(numbers) + 1)
        about = (run.user_id, run.trigger, number)
        if run.version == 1 and run.reason != "held_out":
            yield Happening(now, "started", *about)
        for effect in run.unsettled or ():
            yield Happening(effect.at, "effect", *about, effect=effect)
        if run.converted_at == now:
            yield Happening(now, "goal", *about)
        if run.ended_at is not None and (before is None or before.ended_at is None):
            yield Happening(now, "ended", *about, detail=run.reason)
        elif run.due_at is not None:
            yield Happening(now, "waits", *about, until=run.due_at)

    def _emit(self, effect: Effect) -> None:
        if effect.kind is not EffectKind.EMIT:
            return
        event = Event(
            id=f"journey|{effect.id}",
            name=effect.data["event"],
            user_id=effect.user_id,
            at=effect.at,
            received_at=effect.at,
            publication=PUBLICATION,
            data=effect.data["data"],
        )
        self._remember(event)
        self._waiting = sorted([*self._waiting, event], key=lambda each: (each.at, each.id))

    def _remember(self, event: Event) -> None:
        facts = self._facts.setdefault(event.user_id, _own({"user": {"id": event.user_id}}))
        happened = facts["events"].setdefault(event.name, [])
        happened.append(event.facts())
        happened.sort(key=lambda each: each["time"])


def _own(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts with lists of events of their own, to which others can be added."""
    events = {name: list(found) for name, found in facts.get("events", {}).items()}
    return {**facts, "events": events}
