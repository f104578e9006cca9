"""What followed from events, compared with what their publications give: for `fanfare verify`.

Of what is acknowledged, each event has to be there. Of what is there: a run has its event, its
trigger and its id from it, an effect its run and its step, an entry its event, effect or payment,
and a payment its entry. The other way round only what an event says by itself can be computed
again, for people's facts have changed since: a trigger or lottery whose condition is about the
event alone, that is for everyone, and whose campaign was never interrupted, has to have acted on
it. A run that went to its end through steps without branches has to have done all of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dsl import Moment
from dsl.core import Aggregate, EventSource, Expr, InSegment, Ref
from dsl.offers import Lottery
from dsl.program import Program
from dsl.triggers import OnEvent, Trigger
from dsl.walking import nodes
from engine.draws import ticket_of
from engine.journeys import matches
from engine.plans import Do, Pause, Plan
from engine.playbook import playbook_of
from engine.schedule import is_active
from engine.starting import starts, total_limit
from models.claim import stock_id
from models.draw import Draw, DrawState, entry_id
from models.event import Event
from models.run import run_id
from models.store import Stores
from services.rulebook import Published, Rulebook

_INTERRUPTED = frozenset({"paused", "ended", "rolled_back", "archived"})
_NOBODY: Mapping[str, Any] = {"user": {}}


@dataclass
class Consequences:
    """What is known while all of it is read. `looked_at` counts."""

    stores: Stores
    rulebook: Rulebook
    problems: list[str] = field(default_factory=list)
    looked_at: int = 0
    versions: dict[int, Published] = field(default_factory=dict)
    plain: dict[tuple[int, frozenset[str]], "_Plain"] = field(default_factory=dict)

    async def look(self) -> None:
        """Compare everything."""
        await self._acknowledged()
        async for page in self.stores.traces.runs():
            await self._runs(page)
        self.problems += [
            f"effect {effect} is of a run that is not there"
            for effect in await self.stores.traces.unfounded_effects()
        ]
        async for page in self.stores.traces.entries():
            await self._entries(page)
        self.problems += [
            f"points were spent on an entry that is not there: {transfer}"
            for transfer in await self.stores.traces.paid_for_nothing()
        ]
        await self._followed()

    async def _version(self, number: int) -> Published:
        if number not in self.versions:
            self.versions[number] = await self.rulebook.version(number)
        return self.versions[number]

    async def _acknowledged(self) -> None:
        there = await self.stores.traces.received()
        for at, accepted in (await self.stores.traces.acknowledged()).items():
            self.looked_at += accepted
            if there[at] < accepted:
                self.problems.append(
                    f"{accepted} events were accepted at {at.isoformat()}, {there[at]} are there"
                )

    # --- from what is there back to its reason ----------------------------------------------------

    async def _runs(self, runs: Sequence[Mapping[str, Any]]) -> None:
        traces = self.stores.traces
        events = await traces.events([run["started_by"] for run in runs if run["told"]])
        effects = await traces.effects_of([run["_id"] for run in runs])
        for run in runs:
            self.looked_at += 1
            published = await self._version(run["publication"])
            plan = playbook_of(published.program).plans.get(run["trigger"])
            found = (
                ["its publication has no such trigger"]
                if plan is None
                else [
                    *_problems_of_start(run, events.get(run["started_by"]), plan.trigger),
                    *self._problems_of_condition(run, events.get(run["started_by"])),
                    *_problems_of_steps(run, effects.get(run["_id"], []), plan),
                ]
            )
            self.problems += [f"run {run['_id']} of {run['trigger']}: {each}" for each in found]

    def _problems_of_condition(self, run: Mapping[str, Any], event: Event | None) -> Iterator[str]:
        """Yield it if the event of a run is not one that its trigger starts on."""
        if event is None or event.publication != run["publication"]:
            return
        plain = self._plain(event.publication)
        for trigger in plain.triggers:
            if trigger.name == run["trigger"] and not plain.starts(trigger, event):
                yield f"event {event.id} does not start it"

    def _plain(self, number: int, interrupted: frozenset[str] = frozenset()) -> "_Plain":
        if (number, interrupted) not in self.plain:
            self.plain[number, interrupted] = _Plain.of(self.versions[number], interrupted)
        return self.plain[number, interrupted]

    async def _entries(self, entries: Sequence[Mapping[str, Any]]) -> None:
        traces = self.stores.traces
        sources = [entry["source"] for entry in entries]
        events = await traces.events(sources)
        effects = await traces.existing("effects", [each for each in sources if each not in events])
        paid = await traces.existing("points", [f"lottery:{entry['_id']}" for entry in entries])
        for entry in entries:
            self.looked_at += 1
            source, user_id = entry["source"], entry["user"]
            expected = ticket_of(entry["draw"], user_id, source, entry["nonce"])
            event = events.get(source)
            found = []
            if entry["ticket"] != expected or entry["_id"] != entry_id(
                entry["draw"], user_id, source
            ):
                found.append("its ticket is not that of its user and its source")
            if event is None and source not in effects and f"lottery:{entry['_id']}" not in paid:
                found.append("what entered it is not there")
            if event is not None and event.user_id != user_id:
                found.append("what entered it happened to someone else")
            self.problems += [f"entry {entry['_id']}: {each}" for each in found]

    # --- from what is there to what follows -------------------------------------------------------

    async def _followed(self) -> None:
        traces = self.stores.traces
        for number in await traces.publications():
            await self._version(number)
        interrupted = await self._interrupted()
        plain = {number: self._plain(number, interrupted) for number in self.versions}
        names = sorted({name for each in plain.values() for name in each.names})
        async for page in traces.applied(names):
            self.looked_at += len(page)
            known = await self.stores.users.known(sorted({event.user_id for event in page}))
            told = [event for event in page if event.user_id in known]
            await self._started(told, plain)
            await self._entered(told, plain)

    async def _interrupted(self) -> frozenset[str]:
        """Return campaigns whose rules were not in force all the time."""
        ids = sorted({each for v in self.versions.values() for each in v.campaigns})
        campaigns = await self.stores.campaigns.find_many(ids)
        return frozenset(
            campaign_id
            for campaign_id in ids
            if (campaign := campaigns.get(campaign_id)) is None
            or any(step.verb in _INTERRUPTED for step in campaign.history)
        )

    async def _started(self, events: Sequence[Event], plain: Mapping[int, "_Plain"]) -> None:
        due = {
            run_id(trigger.name, event.id): (trigger, event)
            for event in events
            for trigger in plain[event.publication].triggers
            if plain[event.publication].starts(trigger, event)
        }
        there = await self.stores.traces.existing_runs(list(due))
        for each, (trigger, event) in due.items():
            # Limits and earlier runs may have kept this one away, but then there are such.
            if each not in there and not await self.stores.traces.has_run(
                trigger.name, event.user_id
            ):
                self.problems.append(f"event {event.id} did not start {trigger.name}")

    async def _entered(self, events: Sequence[Event], plain: Mapping[int, "_Plain"]) -> None:
        due = {
            entry_id(draw_id, event.user_id, event.id): (draw_id, lottery, event)
            for event in events
            for draw_id, lottery in plain[event.publication].lotteries
            if plain[event.publication].enters(lottery, event)
        }
        there = await self.stores.traces.existing("entries", list(due))
        draws = await self.stores.draws.find_many(sorted({each[0] for each in due.values()}))
        for each, (draw_id, lottery, event) in due.items():
            draw = draws.get(draw_id)
            if each in there or (draw is not None and not _had_to_be_entered(event, draw)):
                continue
            if lottery.entries is None or lottery.entries > await self.stores.traces.entries_of(
                draw_id, event.user_id
            ):
                self.problems.append(f"event {event.id} did not enter {lottery.name}")


@dataclass(frozen=True, slots=True)
class _Plain:
    """What of a publication can be computed from an event alone."""

    program: Program
    triggers: Sequence[Trigger]
    lotteries: Sequence[tuple[str, Lottery]]

    @classmethod
    def of(cls, published: Published, interrupted: frozenset[str]) -> "_Plain":
        """Pick them out."""
        program = published.program
        campaign_of = published.campaign_of
        return cls(
            program,
            [
                trigger
                for trigger in program.triggers.values()
                if campaign_of.get(trigger.name) not in interrupted
                and trigger.audience is None
                and trigger.zone != "user"
                and total_limit(trigger) is None
                and isinstance(trigger.start, OnEvent)
                and _is_about_the_event(trigger.start.where)
            ],
            [
                (stock_id(campaign_of.get(lottery.name), lottery.name), lottery)
                for lottery in program.lotteries.values()
                if campaign_of.get(lottery.name) not in interrupted
                and all(_is_about_the_event(wanted.where) for wanted in lottery.enter_on)
            ],
        )

    def starts(self, trigger: Trigger, event: Event) -> bool:
        """Whether an event starts a trigger."""
        moment = self._moment(event)
        if trigger.zone is not None:
            moment = moment.in_zone(trigger.zone)
        return starts(trigger, event, _NOBODY, moment)

    def enters(self, lottery: Lottery, event: Event) -> bool:
        """Whether an event enters its user in a lottery."""
        moment = self._moment(event)
        in_time = moment.now < lottery.draw_at and is_active(lottery.active, moment)
        return in_time and any(matches(on, event, _NOBODY, moment) for on in lottery.enter_on)

    def _moment(self, event: Event) -> Moment:
        return Moment(now=event.at, zone=self.program.zone, program=self.program)

    @property
    def names(self) -> Iterator[str]:
        """Yield the events that they listen for."""
        for trigger in self.triggers:
            if isinstance(trigger.start, OnEvent):
                yield trigger.start.event
        for _, lottery in self.lotteries:
            yield from (wanted.event for wanted in lottery.enter_on)


def _is_about_the_event(condition: Expr | None) -> bool:
    """Whether nothing but the event decides on a condition."""
    for each in nodes(condition):
        match each:
            case InSegment() | Aggregate(_, EventSource()):
                return False
            case Ref(root) if root not in ("event", "element"):
                return False
            case _:
                pass
    return True


def _had_to_be_entered(event: Event, draw: Draw) -> bool:
    """Whether an event was in time for certain: one that was told late may have come too late."""
    if event.at >= draw.closes_at:
        return False
    waits = draw.closes_at < draw.draw_at and event.received_at < draw.closes_at
    return draw.state is DrawState.OPEN or waits


def _problems_of_start(
    run: Mapping[str, Any], event: Event | None, trigger: Trigger
) -> Iterator[str]:
    if not run["told"]:  # it began at a time
        return
    if event is None:
        yield "the event that started it is not there"
        return
    if run["_id"] != run_id(trigger.name, event.id):
        yield "it is not known by the event that started it"
    waited = trigger.pace is not None and run["started_at"] > event.at
    in_time = waited or run["started_at"] == event.at
    if not in_time or (event.user_id, event.publication) != (run["user"], run["publication"]):
        yield "its event is someone else's, of another time or another publication"
    if not isinstance(trigger.start, OnEvent) or trigger.start.event != event.name:
        yield f"events {event.name} do not start it"


def _problems_of_steps(
    run: Mapping[str, Any], effects: Sequence[Mapping[str, Any]], plan: Plan
) -> Iterator[str]:
    for effect in effects:
        if not isinstance(plan.at(effect["step"]), Do):
            yield f"it has no step {effect['step']}, and did it"
        if (effect["user"], effect["publication"], effect["trigger"]) != (
            run["user"],
            run["publication"],
            run["trigger"],
        ):
            yield f"its step {effect['step']} was done to another, or by another publication"
    straight = all(isinstance(each, Do | Pause) for each in plan.instructions)
    if straight and run["state"] == "done" and "unsettled" not in run:
        steps = {each.step.id for each in plan.instructions if isinstance(each, Do)}
        for step in sorted(steps - {effect["step"] for effect in effects}):
            yield f"it is done without its step {step}"
