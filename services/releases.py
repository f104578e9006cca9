"""Rules kept in files, published all at once and without review in here, from the servers."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.campaign import Act, Campaign
from models.ids import new_id
from models.publication import PublishedSource
from models.store import Stores
from services import campaigns, publications
from services.publications import Plan, Sources


@dataclass(frozen=True, slots=True)
class RulesFile:
    """`key` stays the same from one release to the next: the campaign is found by it."""

    key: str
    title: str
    text: str


async def release(files: Sequence[RulesFile], act: Act, *, stores: Stores) -> list[Campaign]:
    """Publish these texts together; return their campaigns. Safe to repeat.

    A file's campaign is made if there is none yet. Nothing is written if the texts do not check
    together with what else is live (RulesRefused), or are live already.
    """
    existing = await stores.campaigns.find_keys([file.key for file in files])
    ids = {file.key: existing[file.key].id if file.key in existing else new_id() for file in files}

    async def decide(live: Sources) -> Plan:
        now = await stores.campaigns.find_many(tuple(ids.values()))
        changed = {
            ids[file.key]: PublishedSource(
                ids[file.key], now[ids[file.key]].version if ids[file.key] in now else 1, file.text
            )
            for file in files
            if ids[file.key] not in live or live[ids[file.key]].text != file.text
        }
        titles = {ids[file.key]: file.title for file in files}
        return Plan({**live, **changed}, tuple(changed), titles)

    workspace = await publications.settle(stores=stores)
    plan, _ = await publications.prepare(decide, workspace, stores=stores, examples_at=act.at)
    for file in files:
        if ids[file.key] not in plan.changed:
            continue
        if file.key in existing:
            await campaigns.rewrite(ids[file.key], file.title, file.text, act, stores=stores)
        else:
            await campaigns.create(
                file.title, file.text, act, stores=stores, id=ids[file.key], key=file.key
            )
    if plan.changed:
        await publications.switch(decide, verb="published", act=act, stores=stores)
    released = await stores.campaigns.find_many(tuple(ids.values()))
    return [released[ids[file.key]] for file in files]
