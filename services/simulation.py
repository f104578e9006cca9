"""Telling what journeys would do: the same decisions as in lanes, on facts in memory.

Nothing is stored or sent. Time jumps from one thing to the next: an event of the script, a run
that comes due, an occasion of a trigger, a day that takes someone into a segment or out of it,
points that expire. Who wins a lottery nobody can tell.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from typing import Any

from dsl import Moment
from dsl.program import Program
from dsl.triggers import Trigger
from engine import occasions
from engine.journeys import user_zone
from engine.occasions import Occasion, Place
from engine.plans import Fork
from engine.playbook import playbook_of
from engine.starting import is_for, planned
from models.effect import Effect, EffectKind
from models.event import Event
from models.experiment import HOLDOUT, Dealt
from models.run import Run
from services import earning, entering
from services.effects import SOURCE
from services.events import key_of
from services.journeys import Journeys, Rules
from services.rulebook import Published
from services.simulated import Entries, Ledger, Limits, Memberships, Paces
from services.starts import spread

PUBLICATION = 1


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of the account. `run` tells runs of one trigger and user apart, from 1.

    `kind` is event, started, split, effect, goal, waits or ended, of a run; else entered or left,
    of the segment in `detail`, lottery, points or tier.
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
        by_time = sorted(script, key=lambda event: (event.at, event.id))
        first: dict[str, Event] = {}  # what is told again is nothing new
        for event in by_time:
            first.setdefault(event.id, event)
        self._waiting = list(first.values())
        for event in self._waiting:
            self._remember(event)
        self._heard = set[str]()
        self._emitted = set[str]()  # what waits and that no facts have yet
        self._runs: dict[str, dict[str, Run]] = defaultdict(dict)
        self._numbers: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
        self._limits, self._paces = Limits(), Paces()
        self._codes, self._moves = count(1), count(1)
        # What was told last of somebody, of whom anything was.
        self._balance: dict[str, int] = {}
        self._tiers: dict[str, str | None] = {}
        self.account: list[Happening] = []
        self._entries = Entries(program)
        self._ledger, self._members = Ledger(program), Memberships(program)
        for user_id, facts in list(self._facts.items()):
            self._ledger.open(user_id, facts["user"].get("points") or 0, since)
            self._settle_points(user_id, since)
            # Rules that go live start nobody.
            self._members.look(user_id, self._facts[user_id], since)
        self.account.clear()
        self._next = {
            (trigger.name, place): occasions.next_occasion(trigger, place, since)
            for trigger in occasions.timed(program)
            for place in occasions.places(trigger, program, self._zones(since))
        }

    async def run(self, until: datetime) -> None:
        """Let time pass until then."""
        while (now := self._next_instant()) is not None and now <= until:
            await self._occur(now)
            events = self._events_at(now)
            turns = {
                user_id
                for source in (self._ledger.turns, self._members.turns)
                for user_id, turn in source.items()
                if turn <= now
            }
            users = sorted({event.user_id for event in events} | self._due_at(now) | turns)
            for user_id in users:
                await self._work(user_id, [e for e in events if e.user_id == user_id], now)

    # --- what comes next -------------------------------------------------------------------------

    def _next_instant(self) -> datetime | None:
        times = [event.at for event in self._waiting[:1]]
        times += [occasion.at for occasion in self._next.values() if occasion is not None]
        times += [run.due_at for run in self._every_run() if run.due_at is not None]
        times += [*self._ledger.turns.values(), *self._members.turns.values()]
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
        for event in events:
            self._heard.add(event.id)
            if event.id in self._emitted:
                self._emitted.remove(event.id)
                self._remember(event)
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
        await self._plan_for(chosen, trigger, f"{occasion.local:%Y-%m-%d}", occasion.at)

    async def _plan_for(
        self, chosen: Sequence[str], trigger: Trigger, cause: str, now: datetime
    ) -> None:
        runs = [
            planned(trigger, user_id, cause, now, campaign_id=None, publication=PUBLICATION)
            for user_id in chosen
        ]
        for run in await spread(runs, trigger, self._program, paces=self._paces, after=now):
            self._runs[run.user_id].setdefault(run.id, run)

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
            clearance=self._entries,
        )
        await journeys.take(events, now)
        for run in journeys.dropped():
            del runs[run.id]
        for run in (*journeys.planned(), *journeys.postponed()):
            runs[run.id] = run
        for moved in (*journeys.moved(), *journeys.started()):
            self.account += self._told(runs.get(moved.id), moved, now)
            runs[moved.id] = replace(moved, unsettled=None)
            for effect in moved.unsettled or ():
                self._settle(effect)
            if moved.spares_its_place:
                await self._limits.give_back(moved.trigger, moved.id)
        self._facts[user_id] = dict(journeys.facts or facts)
        for event in events:
            self._enter(event, facts, now)
            self._earn(event, facts, now)
        self._settle_points(user_id, now)
        await self._move(user_id, now)

    def _settle(self, effect: Effect) -> None:
        """Do what an effect does beside changing its user."""
        match effect.kind:
            case EffectKind.EMIT:
                self._emit(effect)
            case EffectKind.AWARD:
                points = effect.data["points"]
                award = self._ledger.award(effect.id, effect.user_id, points, effect.at)
                self._ledger.add([award], effect.at)
            case _:
                pass

    def _enter(self, event: Event, facts: Mapping[str, Any], now: datetime) -> None:
        for lottery in self._rules.lotteries(event):
            if entering.enters(event, lottery, facts, self._rules):
                refused = self._entries.enter(lottery, event.user_id, event.id, event.at)
                said = lottery.name if refused is None else f"{lottery.name}: skipped, {refused}"
                self.account.append(Happening(now, "lottery", event.user_id, detail=said))

    def _earn(self, event: Event, facts: Mapping[str, Any], now: datetime) -> None:
        self._ledger.add(earning.gained(event, self._rules, facts), now)
        if (order := earning.order_undone(event)) and self._program.loyalty is not None:
            self._ledger.add([earning.undone(event, order)], now)

    def _settle_points(self, user_id: str, now: datetime) -> None:
        """Note on someone what their points have come to, and tell if that is something else."""
        facts = self._facts[user_id]
        user = facts["user"]
        standing, tier = self._ledger.standing(user_id, now)
        told = self._balance.get(user_id, 0)
        if standing.balance != told:
            self._balance[user_id] = standing.balance
            said = f"{standing.balance - told:+} points, {standing.balance} in all"
            self.account.append(Happening(now, "points", user_id, detail=said))
        if tier != self._tiers.get(user_id):
            self._tiers[user_id] = tier
            said = "none" if tier is None else tier
            self.account.append(Happening(now, "tier", user_id, detail=said))
        user = {**user, "points": standing.balance}
        if user_id in self._tiers:
            user = {name: each for name, each in user.items() if name != "tier"}
            user |= {} if tier is None else {"tier": tier}
        self._facts[user_id] = {**facts, "user": user}

    async def _move(self, user_id: str, now: datetime) -> None:
        """Tell what segments someone has come into or left, and plan the runs that this starts."""
        moves = self._members.look(user_id, self._facts[user_id], now)
        started = playbook_of(self._program).on_segments
        for segment, entered in moves:
            kind = "entered" if entered else "left"
            self.account.append(Happening(now, kind, user_id, detail=segment))
            cause = f"segment|{next(self._moves)}"
            for trigger in started.get((segment, entered), ()):
                await self._plan_for([user_id], trigger, cause, now)

    def _told(self, before: Run | None, run: Run, now: datetime) -> Iterable[Happening]:
        numbers = self._numbers[(run.user_id, run.trigger)]
        number = numbers.setdefault(run.id, len(numbers) + 1)
        about = (run.user_id, run.trigger, number)
        if run.version == 1 and run.reason != "held_out":
            yield Happening(now, "started", *about)
        yield from self._steps(about, run, () if before is None else before.arms)
        if run.converted_at == now:
            yield Happening(now, "goal", *about)
        if run.ended_at is not None and (before is None or before.ended_at is None):
            by = "".join(f" by {each.by}" for each in run.arms if each.by)
            yield Happening(now, "ended", *about, detail=run.reason + by)
        elif run.due_at is not None and not _at_the_same_wait(before, run):
            yield Happening(now, "waits", *about, until=run.due_at)

    def _steps(
        self, about: tuple[str, str, int], run: Run, known: Sequence[Dealt]
    ) -> list[Happening]:
        """Return what a run did in a move and the arms that it came to, as its steps go."""
        plan = playbook_of(self._program).plans[run.trigger]
        places = {
            each.experiment.name: place
            for place, each in enumerate(plan.instructions)
            if isinstance(each, Fork)
        }
        found = [
            (plan.places[each.step], Happening(each.at, "effect", *about, effect=each))
            for each in run.unsettled or ()
        ]
        for each in run.arms[len(known) :]:
            if (split := each.experiment.name) != HOLDOUT:
                told = Happening(each.at, "split", *about, detail=f"{split}: {each.arm}")
                found.append((places[split], told))
        return [each for _, each in sorted(found, key=lambda pair: (pair[1].at, pair[0]))]

    def _emit(self, effect: Effect) -> None:
        name, data = effect.data["event"], effect.data["data"]
        event = Event(
            id=key_of(SOURCE, effect.id, name, data),
            name=name,
            user_id=effect.user_id,
            at=effect.at,
            received_at=effect.at,
            publication=PUBLICATION,
            data=data,
        )
        if event.id in self._heard or event.id in self._emitted:
            return
        for later in [each for each in self._waiting if each.id == event.id]:
            self._waiting.remove(later)
            self._facts[later.user_id]["events"][later.name].remove(later.facts())
        # Nobody is in a segment for it before their runs have had it.
        self._emitted.add(event.id)
        self._waiting = sorted([*self._waiting, event], key=lambda each: (each.at, each.id))

    def _remember(self, event: Event) -> None:
        facts = self._facts.setdefault(event.user_id, _own({"user": {"id": event.user_id}}))
        happened = facts["events"].setdefault(event.name, [])
        happened.append(event.facts())
        happened.sort(key=lambda each: each["time"])


def _at_the_same_wait(before: Run | None, run: Run) -> bool:
    return before is not None and (before.position, before.due_at) == (run.position, run.due_at)


def _own(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts as the system has them: with what everybody has, said or not.

    The lists of events are their own, so that others can be added.
    """
    said = {fact: value for fact, value in facts["user"].items() if (fact, value) != ("name", "")}
    user = {"tags": [], "points": 0, **said}
    user["consent"] = {"email": False, "sms": False, "push": False, **user.get("consent", {})}
    happened = {name: list(found) for name, found in facts.get("events", {}).items()}
    return {**facts, "user": user, "events": happened}
