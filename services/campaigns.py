"""What can be done with campaigns, by people and by the clock."""

import hashlib
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from operator import methodcaller
from typing import Any

from models.campaign import Act, Campaign
from models.errors import STALE, Conflict, Invalid
from models.ids import new_id
from models.publication import PublishedSource
from models.store import Stores
from services import outbox, publications
from services.publications import Decide, Plan, RulesRefused, Sources

log = logging.getLogger(__name__)

_TRIES = 5


async def create(title: str, source: str, act: Act, *, stores: Stores, **more: Any) -> Campaign:
    """Begin a campaign as a draft. `more` may have goal, channels, key, request and id.

    Asked once more for the same `request`, this returns what has become of the campaign. Raises
    Conflict (KEY_USED) if that has begun another.
    """
    campaign = Campaign.draft(more.pop("id", None) or new_id(), title, source, act, **more)
    campaign = replace(campaign, asked=None if campaign.request is None else _digest(campaign))
    try:
        saved = await stores.campaigns.add(campaign)
    except Conflict:
        begun = await stores.campaigns.find_request(campaign.request)
        if begun is None:
            raise
        if begun.asked not in (None, campaign.asked):
            raise Conflict(
                "This idempotency key has begun another campaign.",
                code="KEY_USED",
                field=("idempotencyKey",),
            ) from None
        return begun
    await outbox.tell(saved, stores=stores)
    return saved


def _digest(campaign: Campaign) -> str:
    said = (
        campaign.title,
        campaign.source,
        campaign.goal,
        [each.value for each in campaign.channels],
    )
    return hashlib.blake2s(repr(said).encode(), digest_size=16).hexdigest()


async def update(
    campaign_id: str, version: int, act: Act, *, stores: Stores, **changes: Any
) -> Campaign:
    """Change title, goal, channels or source, unless someone has changed the campaign since."""
    return await _change(campaign_id, lambda c: c.edit(act, **changes), stores, version)


async def edit(campaign_id: str, act: Act, *, stores: Stores, **changes: Any) -> Campaign:
    """Change title, goal, channels or source, whatever else has been changed meanwhile."""
    return await _change(campaign_id, lambda c: c.edit(act, **changes), stores)


async def keep_in(campaign_id: str, key: str | None, *, stores: Stores) -> Campaign:
    """Note which file a campaign is kept in, wherever it stands; None: in no file any more."""
    return await _change(campaign_id, lambda c: replace(c, key=key), stores)


async def submit(
    campaign_id: str, act: Act, *, stores: Stores, version: int | None = None
) -> Campaign:
    """Ask for approval of what could be live now, beside what is. Raises RulesRefused.

    What it was checked as is submitted: who changes it meanwhile makes that a Conflict.
    """

    async def decide(live: Sources) -> Plan:
        campaign = await stores.campaigns.get(campaign_id)
        _require_version(campaign, version)
        return _with(live, campaign.submit(act))

    workspace = await publications.settle(stores=stores)
    plan, _ = await publications.prepare(decide, workspace, stores=stores, examples_at=act.at)
    checked = plan.sources[campaign_id].version
    return await _change(campaign_id, lambda c: c.submit(act), stores, checked)


async def approve(
    campaign_id: str, act: Act, *, stores: Stores, version: int | None = None
) -> Campaign:
    """Approve it, if it was not written by the same person."""
    return await _change(campaign_id, lambda c: c.approve(act), stores, version)


async def reject(
    campaign_id: str, act: Act, *, stores: Stores, version: int | None = None
) -> Campaign:
    """Send it back to its writers, with a reason."""
    return await _change(campaign_id, lambda c: c.reject(act), stores, version)


async def pause(
    campaign_id: str, act: Act, *, stores: Stores, version: int | None = None
) -> Campaign:
    """Stop serving it for now. Every process heeds it within a second."""
    return await _change(campaign_id, lambda c: c.pause(act), stores, version)


async def resume(
    campaign_id: str, act: Act, *, stores: Stores, version: int | None = None
) -> Campaign:
    """Go on after a pause."""
    return await _change(campaign_id, lambda c: c.resume(act), stores, version)


async def archive(
    campaign_id: str, act: Act, *, stores: Stores, version: int | None = None
) -> Campaign:
    """Put it away for good."""
    return await _change(campaign_id, lambda c: c.archive(act), stores, version)


async def publish(
    campaign_id: str,
    act: Act,
    *,
    stores: Stores,
    at: datetime | None = None,
    version: int | None = None,
) -> Campaign:
    """Publish an approved campaign, now or at a later time. Raises RulesRefused.

    One for later is checked now, too, and again when it is due. Asked again by the same person,
    whose answer may have been lost, what they have just published stays as it is.
    """
    workspace = await publications.settle(stores=stores)
    decide = _adding(campaign_id, version, stores)
    if at is not None:
        await publications.prepare(decide, workspace, stores=stores, examples_at=at)
        return await _change(campaign_id, lambda c: c.schedule(act, at), stores, version)
    campaign = await stores.campaigns.get(campaign_id)
    if not campaign.was_just_published(act.by):
        await publications.switch(decide, verb="published", act=act, stores=stores)
        campaign = await stores.campaigns.get(campaign_id)
    return campaign


def _adding(campaign_id: str, version: int | None, stores: Stores) -> Decide:
    """Return how to decide that a campaign is to be live beside what is."""

    async def decide(live: Sources) -> Plan:
        campaign = await stores.campaigns.get(campaign_id)
        _require_version(campaign, version)
        campaign.require_publishable()
        return _with(live, campaign)

    return decide


async def end(
    campaign_id: str, act: Act, *, stores: Stores, version: int | None = None
) -> Campaign:
    """End it for good, by a publication without it.

    Raises RulesRefused if others need what it declares.
    """

    async def decide(live: Sources) -> Plan:
        campaign = await stores.campaigns.get(campaign_id)
        _require_version(campaign, version)
        campaign.require_live()
        rest = {key: live[key] for key in live if key != campaign_id}
        return Plan(rest, (campaign_id,))

    await publications.switch(decide, verb="ended", act=act, stores=stores)
    return await stores.campaigns.get(campaign_id)


async def roll_back(
    campaign_id: str, publication: int, act: Act, *, stores: Stores, version: int | None = None
) -> Campaign:
    """Publish the text once more that this campaign had in an earlier publication."""
    earlier = (await stores.publications.get_confirmed(publication)).find(campaign_id)
    if earlier is None:
        raise Invalid(
            f"Publication {publication} has nothing of this campaign.", field=("publication",)
        )

    async def decide(live: Sources) -> Plan:
        campaign = await stores.campaigns.get(campaign_id)
        _require_version(campaign, version)
        campaign.require_live()
        if campaign_id in live and live[campaign_id].text == earlier.text:
            raise Conflict("That text is what is live already.")
        return Plan({**live, campaign_id: earlier}, (campaign_id,))

    await publications.switch(decide, verb="rolled_back", act=act, stores=stores)
    return await stores.campaigns.get(campaign_id)


async def publish_due(now: datetime, *, stores: Stores) -> list[str]:
    """Publish what was scheduled until now; return the ids of what went live.

    Safe to run from several processes. What cannot be published goes back to approved, with why.
    """
    published = []
    for campaign in await stores.campaigns.scheduled_until(now, limit=100):
        scheduled = next(t for t in reversed(campaign.history) if t.verb == "scheduled")
        act = Act(scheduled.act.by, now, scheduled.act.why)
        try:
            decide = _adding(campaign.id, campaign.version, stores)
            await publications.switch(decide, verb="published", act=act, stores=stores)
        except RulesRefused as refused:
            failed = replace(act, why=refused.message)
            await _unless_changed(campaign, methodcaller("miss_schedule", failed), stores)
        except Conflict as conflict:  # edited, or published by another process
            log.info("campaign %s is not published: %s", campaign.id, conflict.message)
        else:
            published.append(campaign.id)
    return published


async def end_due(now: datetime, *, stores: Stores) -> list[str]:
    """End what is over by its own dates; return the ids of what has ended.

    One that others need goes on, which is harmless: its offers and journeys heed the dates, too.
    """
    ended = []
    for campaign in await stores.campaigns.over_at(now, limit=100):
        act = Act(campaign.author, now, "Its time is over.")
        try:
            await end(campaign.id, act, stores=stores)
        except RulesRefused:
            kept = replace(act, why="Its time is over, but other campaigns need its declarations.")
            await _unless_changed(campaign, methodcaller("outlive", kept), stores)
        except Conflict as conflict:
            log.info("campaign %s is not ended: %s", campaign.id, conflict.message)
        else:
            ended.append(campaign.id)
    return ended


def _with(live: Sources, campaign: Campaign) -> Plan:
    source = PublishedSource(campaign.id, campaign.version, campaign.source)
    return Plan({**live, campaign.id: source}, (campaign.id,))


def _require_version(campaign: Campaign, version: int | None) -> None:
    if version is not None and campaign.version != version:
        raise Conflict(STALE)


async def _change(
    campaign_id: str,
    change: Callable[[Campaign], Campaign],
    stores: Stores,
    version: int | None = None,
) -> Campaign:
    """Apply one transition to the campaign as it is now, or only as it was in `version`."""
    for _ in range(_TRIES):
        campaign = await stores.campaigns.get(campaign_id)
        _require_version(campaign, version)
        changed = change(campaign)
        try:
            saved = await stores.campaigns.save(changed, was=campaign.version)
        except Conflict:
            continue
        await outbox.tell(saved, stores=stores)
        return saved
    raise Conflict(STALE)


async def _unless_changed(
    campaign: Campaign, change: Callable[[Campaign], Campaign], stores: Stores
) -> None:
    with suppress(Conflict):
        await _change(campaign.id, change, stores, campaign.version)
