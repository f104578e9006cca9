"""Where a folder of rules meets what is live."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from models.campaign import ON_THE_WAY, Campaign
from models.errors import Conflict
from models.store import Stores
from models.workspace import Workspace
from services import publications
from services.folders import Folder, Kept, RulesFile, match
from services.publications import Sources
from services.texts import plain


@dataclass(frozen=True, slots=True)
class Published:
    """All that is live, as files would have it. `publication` is 0 if nothing is."""

    publication: int
    campaigns: tuple[Kept, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a folder meets what is live.

    `ids` are the campaigns of its files, by key, where there are any; `unclaimed` are live
    campaigns that it has no file of, and `ended` those of them that are to end.
    """

    workspace: Workspace
    live: Sources
    campaigns: Mapping[str, Campaign]
    ids: Mapping[str, str]
    unclaimed: tuple[Campaign, ...]
    ended: tuple[Campaign, ...]

    def is_changed(self, file: RulesFile) -> bool:
        """Whether the file says anything else than what is live of it."""
        live = self.live.get(self.ids.get(file.key, ""))
        return live is None or plain(live.text) != file.text


async def standing(folder: Folder, *, stores: Stores, publication: int | None = None) -> Standing:
    """Find the campaigns of a folder's files.

    Raises Conflict if `publication` is given and no longer what is live.
    """
    workspace = await publications.settle(stores=stores)
    if publication is not None and workspace.current != publication:
        raise published_meanwhile(workspace.current, publication)
    live = await publications.live_sources(workspace, stores=stores)
    named = await stores.campaigns.find_keys([file.key for file in folder.files])
    campaigns = await stores.campaigns.find_many(tuple(live))
    ids = await asyncio.to_thread(
        match,
        {file.key: file.text for file in folder.files},
        _kept(live, campaigns),
    )
    for key, campaign in named.items():
        # Begun by a release that was cut short, or by someone: it goes on from there.
        if key not in ids and campaign.status in ON_THE_WAY:
            ids[key] = campaign.id
            campaigns[campaign.id] = campaign
    claimed = set(ids.values())
    unclaimed = tuple(campaigns[key] for key in live if key not in claimed)
    # What was never in a file is not missing from the folder.
    ended = tuple(c for c in unclaimed if folder.prune and c.key is not None)
    return Standing(workspace, live, campaigns, ids, unclaimed, ended)


async def published(*, stores: Stores) -> Published:
    """Return what is live, to be written to files."""
    workspace = await publications.settle(stores=stores)
    live = await publications.live_sources(workspace, stores=stores)
    campaigns = await stores.campaigns.find_many(tuple(live))
    return Published(workspace.current, tuple(_kept(live, campaigns)))


def _kept(live: Sources, campaigns: Mapping[str, Campaign]) -> list[Kept]:
    return [
        Kept(key, campaigns[key].key, campaigns[key].title, source.text)
        for key, source in live.items()
    ]


def published_meanwhile(current: int, planned: int) -> Conflict:
    """Word that someone else was first."""
    return Conflict(
        f"Publication {current} is live now, and this was planned upon {planned}; plan again.",
        code="PUBLISHED_MEANWHILE",
    )
