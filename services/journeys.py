"""One user's journeys while a page is worked on: what events and time do to their runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol, Self

from dsl import Moment
from dsl.offers import Lottery
from dsl.triggers import Trigger
from engine import journeys as engine
from engine.effects import Codes
from engine.goals import is_open, reaches
from engine.matching import Index
from engine.plans import Plan
from engine.playbook import playbook_of
from engine.starting import (
    admit,
    begin,
    begun,
    is_for,
    kept_out_by,
    rank,
    started,
    total_limit,
)
from models.effect import Effect, EffectState
from models.event import Event
from models.run import Run, RunState
from services.codes import fresh
from services.rulebook import Published, Rulebook
from services.starts import Paces, turns

_LATE = timedelta(minutes=1)


class Limits(Protocol):
    """Totals that must not be exceeded, whoever draws on them."""

    async def take(self, limit: str, holder: str, *, most: int) -> bool:
        """Take one for `holder` if fewer than `most` are taken. A holder takes only one."""

    async def hand_over(self, limit: str, holder: str, to: str) -> bool:
        """Have `to` take the place of `holder`; False if that has none. Safe to repeat."""

    async def give_back(self, limit: str, holder: str) -> None:
        """Give back what `holder` has taken, if anything. Safe to repeat."""


class Clearance(Protocol):
    """What keeps messages from people beside their consent, or people out of lotteries."""

    async def refusal(self, effect: Effect) -> str | None:
        """Return why an effect must not be carried out; None if it may."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The publications that a page's events and runs belong to, and what is live now."""

    current: Published
    versions: dict[int, Published]

    @classmethod
    async def of(cls, numbers: set[int], current: Published, rulebook: Rulebook) -> Self:
        """Collect these publications."""
        rules = cls(current, {})
        await rules.add(numbers, rulebook)
        return rules

    async def add(self, numbers: set[int], rulebook: Rulebook) -> None:
        """Collect more publications."""
        for number in numbers - self.versions.keys():
            self.versions[number] = await rulebook.version(number)

    def started_by(self, event: Event) -> tuple[Plan, ...]:
        """Return the plans that an event may start, under the rules it was received under."""
        program = self.versions[event.publication].program
        return playbook_of(program).listeners.get(event.name, ())

    def index(self, event: Event) -> Index[Plan] | None:
        """Return the index of these plans."""
        return playbook_of(self.versions[event.publication].program).starts.get(event.name)

    def lotteries(self, event: Event) -> tuple[Lottery, ...]:
        """Return the lotteries that an event may enter its user in."""
        program = self.versions[event.publication].program
        return playbook_of(program).lotteries.get(event.name, ())

    def may_earn(self, event: Event) -> bool:
        """Whether the loyalty programme gives points for such events."""
        return event.name in playbook_of(self.versions[event.publication].program).earning

    def awaits(self, run: Run, event: Event) -> bool:
        """Whether a run waits for such events, or has them for its goal."""
        if event.name in run.waits_for:
            return True
        plan = self.plan(run) if is_open(run, event) else None
        goal = None if plan is None else plan.trigger.goal
        return goal is not None and goal.event == event.name

    def plan(self, run: Run) -> Plan | None:
        """Return the plan that a run follows."""
        return playbook_of(self.versions[run.publication].program).plans.get(run.trigger)

    def is_over(self, campaign_id: str | None) -> bool:
        """Whether the campaign has ended: it is no part of what is live now."""
        return campaign_id is not None and campaign_id not in self.current.campaigns

    def is_paused(self, campaign_id: str | None) -> bool:
        return campaign_id in self.current.paused


class Journeys:
    """One user's runs, as they move. Nothing is written from here but total limits taken."""

    def __init__(
        self,
        user_id: str,
        facts: Mapping[str, Any] | None,
        runs: Sequence[Run],
        rules: Rules,
        limits: Limits,
        paces: Paces,
        codes: Codes = fresh,
        clearance: Clearance | None = None,
    ) -> None:
        self._user_id = user_id
        self._facts = facts
        self._rules = rules
        self._limits = limits
        self._paces = paces
        self._clearance = clearance
        self._codes = codes
        self._stored = {run.id: run.version for run in runs}
        self._runs = {run.id: run for run in runs}
        self._effects: dict[str, list[Effect]] = {}
        self._moments: dict[tuple[int, datetime], Moment] = {}  # each asked for by many conditions
        self._planned: list[Run] = []
        self._postponed: list[Run] = []
        self._dropped: list[Run] = []
        # When triggers last had no place in their total for this user, by name.
        self.refused: dict[str, datetime] = {}

    async def take(self, events: Sequence[Event], now: datetime) -> None:
        """Apply events, oldest first, and between them what had become due; then all due by now."""
        for event in events:
            await self._move_due(min(event.at, now), now)
            await self._notice(event)
            self._convert(event)
            await self._start_all(event, now)
        await self._move_due(now, now)

    @property
    def facts(self) -> Mapping[str, Any] | None:
        """The user's facts, as what was done has left them."""
        return self._facts

    def moved(self) -> list[Run]:
        """Return runs that existed before and were moved, with what is to be settled."""
        return [self._final(run_id) for run_id in self._effects if run_id in self._stored]

    def started(self) -> list[Run]:
        """Return new runs, with what is to be settled."""
        return [self._final(run_id) for run_id in self._effects if run_id not in self._stored]

    def planned(self) -> list[Run]:
        """Return runs whose turn is yet to come."""
        return self._planned

    def postponed(self) -> list[Run]:
        """Return planned runs that missed their turn and have another."""
        return self._postponed

    def dropped(self) -> list[Run]:
        """Return planned runs that are not to start after all."""
        return self._dropped

    def leaving(self) -> list[Run]:
        """Return runs that leave their place in a total to others, once this is written."""
        return [run for run in (*self.moved(), *self.started()) if run.spares_its_place]

    def _final(self, run_id: str) -> Run:
        return replace(
            self._runs[run_id],
            version=self._stored.get(run_id, 0) + 1,
            unsettled=tuple(self._effects[run_id]),
        )

    def _keep(self, run: Run, effects: Sequence[Effect] = ()) -> None:
        self._runs[run.id] = run
        self._effects.setdefault(run.id, []).extend(effects)

    async def _keep_advance(self, advance: engine.Advance) -> None:
        effects = [await self._cleared(effect) for effect in advance.effects]
        before = self._runs.get(advance.run.id)
        acted = (before is not None and before.acted) or any(
            effect.state is not EffectState.SKIPPED for effect in effects
        )
        self._keep(replace(advance.run, acted=acted), effects)
        self._facts = advance.facts

    async def _cleared(self, effect: Effect) -> Effect:
        """Return an effect as it is to be carried out: skipped, if it must not be."""
        reason = None if self._clearance is None else await self._clearance.refusal(effect)
        if reason is None:
            return effect
        return replace(effect, state=EffectState.SKIPPED, reason=reason)

    # --- time ------------------------------------------------------------------------------------

    async def _move_due(self, until: datetime, now: datetime) -> None:
        """Move runs whose time came at `until` or before, in the order in which it came."""
        while due := self._next_due(until):
            plan = self._rules.plan(due)
            if due.state is RunState.PLANNED:
                del self._runs[due.id]
                if plan is not None and await self._missed_its_turn(due, plan.trigger, now):
                    continue
                if not await self._start_planned(due, plan, now):
                    self._dropped.append(due)
            elif self._rules.is_over(due.campaign_id) or plan is None:
                self._keep(engine.end(due, "campaign_ended", now))
            elif self._facts is None:
                self._keep(engine.end(due, "no_user", now))
            else:
                at = engine.due_moment(due, now)
                moment = self._moment(due.publication, at, plan.trigger.zone)
                await self._keep_advance(engine.resume(due, plan, self._facts, moment, self._codes))

    def _next_due(self, until: datetime) -> Run | None:
        due = [
            # Whose wait ends as its trigger comes round again is no longer under way.
            (run.due_at, run.state is RunState.PLANNED, self._rank(run), run.id, run)
            for run in self._runs.values()
            if run.state in (RunState.WAITING, RunState.PLANNED)
            and run.due_at is not None
            and run.due_at <= until
            and not self._rules.is_paused(run.campaign_id)
        ]
        return min(due)[-1] if due else None

    def _rank(self, run: Run) -> tuple[int, str]:
        plan = self._rules.plan(run)
        return (0, run.trigger) if plan is None else rank(plan.trigger)

    async def _missed_its_turn(self, run: Run, trigger: Trigger, now: datetime) -> bool:
        """Give a run another turn if many may have missed theirs, as in a pause: else all burst."""
        if trigger.pace is None or run.due_at is None or now - run.due_at < _LATE:
            return False
        program = self._rules.versions[run.publication].program
        if kept_out_by(run.user_id, trigger, program) is not None:
            return False
        (turn,) = await turns(trigger, trigger.pace, 1, paces=self._paces, after=now)
        if turn <= now:
            return False
        self._postponed.append(replace(run, due_at=turn))
        return True

    async def _start_planned(self, run: Run, plan: Plan | None, now: datetime) -> bool:
        """Start a run whose time has come, if it is still for its user and may start."""
        if plan is None or self._facts is None or self._rules.is_over(run.campaign_id):
            return False
        at = engine.due_moment(run, now)
        moment = self._moment(run.publication, at, plan.trigger.zone)
        facts = {**self._facts, "event": run.event} if run.event else self._facts
        if not is_for(plan.trigger, facts, moment):
            return False
        return await self._admit(begun(run, plan.trigger, at, moment.program), plan, moment)

    # --- events ----------------------------------------------------------------------------------

    async def _notice(self, event: Event) -> None:
        """Let the runs that wait for such an event have it."""
        if self._facts is None:
            return
        for run in list(self._runs.values()):
            plan = self._rules.plan(run) if run.state is RunState.WAITING else None
            if plan is None or event.name not in run.waits_for:
                continue
            moment = self._moment(run.publication, event.at, plan.trigger.zone)
            advance = engine.receive(run, plan, event, self._facts, moment, self._codes)
            if advance is not None:
                await self._keep_advance(advance)

    def _convert(self, event: Event) -> None:
        """Record for runs whose goal this event is that it was reached; the first time counts."""
        for run in list(self._runs.values()):
            plan = self._rules.plan(run) if self._rules.awaits(run, event) else None
            if plan is None or self._facts is None:
                continue
            moment = self._moment(run.publication, event.at, plan.trigger.zone)
            if reaches(run, plan.trigger, event, self._facts, moment):
                self._keep(replace(run, converted_at=event.at))

    async def _start_all(self, event: Event, now: datetime) -> None:
        """Start what an event starts, by priority."""
        index = self._rules.index(event)
        moment_in = partial(self._moment, event.publication, event.at)
        queue: list[Plan] = []
        judged_on: Mapping[str, Any] | None = None
        last: Plan | None = None
        while index is not None and self._facts is not None:
            if judged_on is not self._facts:
                # What one run has done to its user at once counts for those that come after it.
                judged_on = self._facts
                found = started(index, event, self._facts, moment_in)
                queue = [p for p in found if last is None or rank(p.trigger) > rank(last.trigger)]
            if not queue:
                return
            last = queue.pop(0)
            await self._start(last, event, now)

    async def _start(self, plan: Plan, event: Event, now: datetime) -> None:
        """Start a run if the trigger's limits and its other runs allow it."""
        trigger = plan.trigger
        published = self._rules.versions[event.publication]
        campaign_id = published.campaign_of.get(trigger.name)
        if (
            self._facts is None
            or self._rules.is_over(campaign_id)
            or self._rules.is_paused(campaign_id)
        ):
            return
        moment = self._moment(event.publication, event.at, trigger.zone)
        run = begin(trigger, event, campaign_id, published.program)
        if run.id in self._runs:
            return  # started by a worker that was killed before it could mark the event
        if trigger.pace is not None and run.state is RunState.WAITING:
            after = max(event.at, now)
            (turn,) = await turns(trigger, trigger.pace, 1, paces=self._paces, after=after)
            if turn > now:
                self._planned.append(replace(run, state=RunState.PLANNED, due_at=turn))
                return
        await self._admit(run, plan, moment)

    async def _admit(self, run: Run, plan: Plan, moment: Moment) -> bool:
        """Put a run on its way if the trigger's limits and its other runs allow it."""
        assert self._facts is not None
        trigger, at = plan.trigger, run.started_at
        earlier = [
            other
            for other in self._runs.values()
            if other.trigger == trigger.name and other.state is not RunState.PLANNED
        ]
        admission = admit(trigger, earlier, at, moment.zone)
        if not admission.start:
            return False
        if run.state is not RunState.WAITING:
            self._keep(run)
            return True
        most, heir_of = total_limit(trigger), None
        if most is not None:
            heir_of = await self._inherit(run, (*admission.replaces, *self._over(trigger.name)))
            if heir_of is None and not await self._limits.take(trigger.name, run.id, most=most):
                self.refused[trigger.name] = at
                return False
            run = replace(run, counted=True)
        for other in admission.replaces:
            self._keep(engine.end(other, "restarted", at))
        if heir_of is not None:
            self._keep(replace(self._runs[heir_of.id], counted=False))
        await self._keep_advance(engine.resume(run, plan, self._facts, moment, self._codes))
        run = self._runs[run.id]
        # What was inherited goes back when this is written: until then the other may go on after
        # a crash, and needs it.
        if run.spares_its_place and heir_of is None:
            # Before it is settled: others of this page may want the place.
            await self._limits.give_back(trigger.name, run.id)
            self._keep(replace(run, counted=False))
        return True

    def _over(self, trigger: str) -> list[Run]:
        """Return a trigger's runs that were moved here, are over, and did not use their place."""
        moved = (self._runs[run_id] for run_id in self._effects)
        return [run for run in moved if run.trigger == trigger and run.spares_its_place]

    async def _inherit(self, run: Run, others: Sequence[Run]) -> Run | None:
        """Take the place in the total of one of these, which are over; return which, if any.

        One that has done something uses its place up.
        """
        for other in others:
            unused = other.counted and not other.acted
            if unused and await self._limits.hand_over(run.trigger, other.id, run.id):
                return other
        return None

    def _moment(self, publication: int, now: datetime, zone: str | None) -> Moment:
        """Return the moment in a trigger's zone."""
        moment = self._moments.get((publication, now))
        if moment is None:
            program = self._rules.versions[publication].program
            moment = self._moments[publication, now] = Moment(now, program.zone, program)
        if zone is None or self._facts is None:
            return moment
        if zone == "user":
            zone = engine.user_zone(self._facts, moment)
        return moment.in_zone(zone)
