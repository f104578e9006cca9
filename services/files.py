"""Rules and templates kept in files: which campaign lives in which file.

A campaign keeps the name of its file (`key`). One that has none, or whose file was given another
name, is found by what it declares.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import dsl
from models.campaign import MAX_SOURCE, ON_THE_WAY, Campaign
from models.errors import Conflict, Invalid
from models.store import Stores
from models.template import Template
from models.workspace import Workspace
from services import publications
from services.publications import Sources
from services.texts import plain

MOST_FILES = 1_000
# What every file system takes, and nothing that leads out of the folder.
_PART = re.compile(
    r"[^\s./\\:*?\"<>|\0-\x1f]([^/\\:*?\"<>|\0-\x1f]{0,98}[^\s./\\:*?\"<>|\0-\x1f])?"
)


@dataclass(frozen=True, slots=True)
class RulesFile:
    """`key` is the file's path in its folder, without `.rules`. `title` is what the text declares.

    A campaign whose file declares none keeps the title it has; a new one is called by its key.
    """

    key: str
    title: str | None
    text: str

    @classmethod
    def of(cls, key: str, text: str) -> Self:
        """Read what the file declares. Raises Invalid for a name that no file can have."""
        if not is_key(key):
            raise Invalid(f"{key!r} is no name that a file of rules can have.", field=("files",))
        text = plain(text)
        if len(text.encode()) > MAX_SOURCE:
            raise Invalid(f"{key}: a file of rules has at most 256 KiB.", field=("files",))
        declared = (
            each.title or each.name
            for each in dsl.outline(dsl.parse(dsl.SourceFile(key, text)).file)
            if each.kind == "campaign"
        )
        return cls(key, next(declared, None), text)


@dataclass(frozen=True, slots=True)
class Folder:
    """Everything that is to be released together. With `prune`, what it has not got is to end."""

    files: tuple[RulesFile, ...]
    templates: tuple[Template, ...] = ()
    prune: bool = False

    def __post_init__(self) -> None:
        if len(self.files) > MOST_FILES:
            raise Invalid(f"There may be at most {MOST_FILES:,} files.", field=("files",))
        keys = [file.key for file in self.files]
        names = [f"{template.channel}/{template.name}" for template in self.templates]
        for kind, found in (("files", keys), ("templates", names)):
            doubles = sorted({name for name in found if found.count(name) > 1})
            if doubles:
                raise Invalid(f"There are two {kind} called {doubles[0]}.", field=(kind,))


@dataclass(frozen=True, slots=True)
class Kept:
    """The live text of a campaign, and the key of the file that it is known to be kept in."""

    id: str
    key: str | None
    title: str
    text: str


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


def match(files: Mapping[str, str], live: Sequence[Kept]) -> dict[str, str]:
    """Return which live campaign each file (key: text) is of, if any.

    A file that no campaign is known by is of the one whose text it has, or all of whose
    declarations: beside that one it could not be live.
    """
    known = {campaign.key: campaign.id for campaign in live if campaign.key in files}
    ids = {key: known[key] for key in files if key in known}
    free = [campaign for campaign in live if campaign.id not in ids.values()]
    if not free:
        return ids
    declared = {campaign.id: _names(campaign.text) for campaign in free}
    for key, text in files.items():
        if key in ids:
            continue
        names = _names(text)
        for campaign in free:
            same = plain(campaign.text) == plain(text)
            if same or (declared[campaign.id] and declared[campaign.id] <= names):
                ids[key] = campaign.id
                free.remove(campaign)
                break
    return ids


def is_key(key: str) -> bool:
    """Whether every system can have a file of this name, inside the folder it belongs in."""
    return len(key) <= 200 and all(_PART.fullmatch(part) for part in key.split("/"))


def published_meanwhile(current: int, planned: int) -> Conflict:
    """Word that someone else was first."""
    return Conflict(
        f"Publication {current} is live now, and this was planned upon {planned}; plan again.",
        code="PUBLISHED_MEANWHILE",
    )


def _names(text: str) -> frozenset[tuple[str, str]]:
    outline = dsl.outline(dsl.parse(dsl.SourceFile("", text)).file)
    return frozenset((each.kind, each.name) for each in outline)
