"""Rules kept in files, published all at once and without review in here, from the servers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.campaign import ON_THE_WAY, Act, Campaign
from models.errors import Conflict
from models.ids import new_id
from models.publication import PublishedSource
from models.store import Stores
from models.template import Template
from services import campaigns, publications, templates
from services.files import Standing, standing
from services.folders import Folder, RulesFile
from services.publications import Plan, Sources


@dataclass(frozen=True, slots=True)
class Released:
    """What a release has done. `publication` is None if all of the rules were live already.

    `campaigns` are those of all the files, in their order; `templates` those that were saved.
    """

    publication: int | None
    campaigns: tuple[Campaign, ...]
    ended: tuple[Campaign, ...]
    templates: tuple[Template, ...]


async def release(files: Sequence[RulesFile], act: Act, *, stores: Stores) -> list[Campaign]:
    """Publish files together, as `release_folder` does; return their campaigns."""
    released = await release_folder(Folder(tuple(files)), act, stores=stores)
    return list(released.campaigns)


async def release_folder(
    folder: Folder, act: Act, *, stores: Stores, publication: int | None = None
) -> Released:
    """Save a folder's templates and publish its files together. Safe to repeat.

    A file's campaign is made if there is none yet. Nothing is written if the texts do not check
    together with what else is live (RulesRefused), or if something else has been published since
    `publication` (Conflict).
    """
    found = await standing(folder, stores=stores, publication=publication)
    ids = {file.key: found.ids.get(file.key) or new_id() for file in folder.files}
    plan = plan_of(folder, found, ids)
    changed_templates = await templates.changed(folder.templates, stores=stores)

    async def decide(live: Sources) -> Plan:
        if live != found.live:
            raise Conflict(
                "Something else was published meanwhile; plan again.", code="PUBLISHED_MEANWHILE"
            )
        return plan

    if plan.changed:
        await publications.prepare(
            decide,
            found.workspace,
            stores=stores,
            examples_at=act.at,
            templates=folder.templates,
        )
    saved = [
        await templates.save(template, stores=stores, now=act.at, by=act.by)
        for template in changed_templates
    ]
    await _write_campaigns(folder, found, ids, act, stores)
    made = None
    if plan.changed:
        made = await publications.switch(decide, verb="published", act=act, stores=stores)
    titled = await _retitled(folder, ids, act, stores)
    ended = await stores.campaigns.find_many([campaign.id for campaign in found.ended])
    return Released(made.number if made else None, titled, tuple(ended.values()), tuple(saved))


def plan_of(folder: Folder, found: Standing, ids: Mapping[str, str]) -> Plan:
    """Return what is to be live once the folder is released. `ids` has every file's campaign."""
    changed = {
        ids[file.key]: PublishedSource(ids[file.key], _version(ids[file.key], found), file.text)
        for file in folder.files
        if found.is_changed(file)
    }
    ended = {campaign.id for campaign in found.ended}
    rest = {key: source for key, source in found.live.items() if key not in ended}
    titles = {ids[file.key]: file.title or file.key for file in folder.files}
    return Plan({**rest, **changed}, (*changed, *sorted(ended)), titles)


def _version(campaign_id: str, found: Standing) -> int:
    campaign = found.campaigns.get(campaign_id)
    return campaign.version if campaign else 1


async def _write_campaigns(
    folder: Folder, found: Standing, ids: Mapping[str, str], act: Act, stores: Stores
) -> None:
    """Have a campaign for each file, known by its key. What is live is told by the publication."""
    holders = await stores.campaigns.find_keys([file.key for file in folder.files])
    for file in folder.files:
        campaign_id = ids[file.key]
        holder = holders.get(file.key)
        if holder is not None and holder.id != campaign_id:
            await campaigns.keep_in(holder.id, None, stores=stores)
        campaign = found.campaigns.get(campaign_id)
        if campaign is None:
            title = file.title or file.key
            await campaigns.create(
                title, file.text, act, stores=stores, id=campaign_id, key=file.key
            )
            continue
        if campaign.key != file.key:
            await campaigns.keep_in(campaign_id, file.key, stores=stores)
        if campaign.status in ON_THE_WAY and campaign.source != file.text:
            await campaigns.edit(campaign_id, act, stores=stores, source=file.text)


async def _retitled(
    folder: Folder, ids: Mapping[str, str], act: Act, stores: Stores
) -> tuple[Campaign, ...]:
    """Give the campaigns the titles that their files declare, and return them as they are then."""
    now = await stores.campaigns.find_many(tuple(ids.values()))
    for file in folder.files:
        campaign = now[ids[file.key]]
        if file.title is not None and campaign.title != file.title:
            now[campaign.id] = await campaigns.edit(
                campaign.id, act, stores=stores, title=file.title
            )
    return tuple(now[ids[file.key]] for file in folder.files)
