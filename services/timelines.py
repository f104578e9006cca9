"""What happened to a person, and why something did not happen."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dsl.triggers import OnEvent, Send, Trigger
from engine.effects import Facts
from engine.explaining import Account, Clause, account_of
from engine.explaining.hindrances import hindrances, sends, told_in_vain
from engine.journeys import user_zone
from models.effect import Effect, EffectKind, EffectState
from models.errors import NotFound
from models.paging import Page, Window
from models.store import Stores
from models.timeline import ALL, TimelineEntry, Which
from services import explanations
from services.clearance import Clearance
from services.explanations import Question
from services.rulebook import Rulebook
from services.suppression import Suppression


@dataclass(frozen=True, slots=True)
class Timeline:
    """One person's timeline: its pages, and its length for those who ask."""

    user_id: str
    which: Which
    stores: Stores

    async def page(self, window: Window) -> Page[TimelineEntry]:
        """Return one page, newest first."""
        return await self.stores.timelines.page(self.user_id, window, self.which)

    async def count(self) -> int:
        """Return how many entries there are."""
        return await self.stores.timelines.count(self.user_id, self.which)


async def of(user_id: str, which: Which = ALL, *, stores: Stores) -> Timeline:
    """Return a person's timeline. Raises NotFound."""
    await stores.users.get(user_id)
    return Timeline(user_id, which, stores)


async def why_not(
    user_id: str,
    trigger: str,
    *,
    stores: Stores,
    rulebook: Rulebook,
    now: datetime,
    suppression: Suppression | None = None,
) -> tuple[Account, str]:
    """Give an account of what keeps a live trigger from a person; also the currency it is told in.

    Raises NotFound for a trigger that is not live, and for a person who does not exist.
    """
    published = await rulebook.current()
    found = published.program.triggers.get(trigger)
    if found is None:
        raise NotFound(f"No trigger {trigger!r} is live.", field=("trigger",))
    question = Question(trigger, user_id=user_id)
    situation = await explanations.situate(question, stores=stores, rulebook=rulebook, now=now)
    account = await asyncio.to_thread(account_of, trigger, situation)
    facts, moment = situation.facts, situation.moment
    if found.zone is not None:
        moment = moment.in_zone(user_zone(facts, moment) if found.zone == "user" else found.zone)
    runs = await stores.runs.of_users([user_id], triggers=[trigger])
    more = hindrances(
        found,
        [run for run in runs if run.trigger == trigger],
        moment,
        taken=await stores.limits.taken(trigger),
        refused=await _refused(found, facts, Clearance({user_id: facts}, stores, suppression), now),
    )
    late = await _told_in_vain(found, user_id, now, stores)
    return replace(account, clauses=(*account.clauses, *late, *more)), published.program.currency


async def _told_in_vain(
    trigger: Trigger, user_id: str, now: datetime, stores: Stores
) -> tuple[Clause, ...]:
    """Say so if the event that an account looks at came too late to start anything."""
    if not isinstance(trigger.start, OnEvent):
        return ()
    name, since = trigger.start.event, now - timedelta(days=explanations.LOOK_BACK)
    found = await stores.timelines.latest_event(user_id, name, since=since, until=now)
    clause = None if found is None else told_in_vain(*found)
    return () if clause is None else (clause,)


async def _refused(
    trigger: Trigger, facts: Facts, clearance: Clearance, now: datetime
) -> dict[Send, str]:
    """Return why messages of a trigger would be skipped for someone now, each by itself."""
    found: dict[Send, str] = {}
    for step in sends(trigger.steps):
        # As the step would make it, and nothing is kept of it.
        message = Effect(
            id="",
            kind=EffectKind.MESSAGE,
            user_id=facts["user"]["id"],
            run_id="",
            trigger=trigger.name,
            step="",
            campaign_id=None,
            publication=0,
            at=now,
            state=EffectState.PENDING,
            channel=step.channel,
            template=step.template,
            transactional=step.transactional,
        )
        reason = await clearance.refusal(message)
        if reason is not None:
            found[step] = reason
    return found
