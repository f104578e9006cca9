"""Telling the feed what happened to campaigns.

A campaign is saved together with the entries that tell of the change (`untold`), in one update of
one document, so that neither is ever without the other. They then move to the outbox and are
forgotten here; whoever is killed between these steps leaves entries behind that `tell_rest` moves
again, which is harmless because an entry's id follows from the change that it tells of.
"""

import logging

from models.campaign import Campaign
from models.errors import Unavailable
from models.store import Stores

log = logging.getLogger(__name__)


async def tell(campaign: Campaign, *, stores: Stores) -> None:
    """Queue what has happened to a saved campaign. If that fails now, `tell_rest` will do it."""
    try:
        await _move(campaign, stores)
    except Unavailable:
        log.warning("the feed is yet to hear of campaign %s", campaign.id)


async def tell_rest(*, stores: Stores) -> int:
    """Queue what was saved but not told; return how many campaigns that concerned."""
    campaigns = await stores.campaigns.with_untold(limit=100)
    for campaign in campaigns:
        await _move(campaign, stores)
    return len(campaigns)


async def _move(campaign: Campaign, stores: Stores) -> None:
    if campaign.untold:
        await stores.outbox.add(campaign.untold)
        await stores.campaigns.told(campaign)
