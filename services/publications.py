"""Publishing: all live rules change together, at one moment, or not at all.

    decide → check → write the publication → switch the workspace to it → settle

The switch is one conditional update of one document and the only moment that counts. Killed before
it, nothing has happened; killed after it, `settle` is run by whoever comes next (another publisher,
or the sequencer's care within a second) and notes on each campaign what has become of it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import dsl
from models.campaign import Act, Live, Status
from models.errors import Conflict, DomainError, Invalid
from models.publication import Publication, PublishedSource
from models.store import Stores
from models.template import Template
from models.workspace import Workspace
from services import outbox
from services.readiness import hindrances
from services.rules import check_rules

ATTEMPTS = 20

Sources = Mapping[str, PublishedSource]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be live, by campaign, and which of them this is about.

    `titles` are those of campaigns that do not exist yet.
    """

    sources: Sources
    changed: tuple[str, ...]
    titles: Mapping[str, str] = field(default_factory=dict)


# Given what is live now, what should be. Called again if someone else was first.
Decide = Callable[[Sources], Awaitable[Plan]]


class RulesRefused(Invalid):
    """The rules cannot be live together. `parts` has a refusal for each diagnostic."""

    def __init__(
        self,
        diagnostics: Sequence[dsl.Diagnostic],
        titles: Mapping[str, str],
        changed: Sequence[str],
    ) -> None:
        self.diagnostics = tuple(diagnostics)
        self._parts = tuple(_refusal(d, titles, changed) for d in self.diagnostics)
        more = f" (and {len(self._parts) - 1} more)" if len(self._parts) > 1 else ""
        super().__init__(self._parts[0].message + more, code="RULES", field=("source",))

    @property
    def parts(self) -> tuple[DomainError, ...]:
        return self._parts


async def switch(decide: Decide, *, verb: str, act: Act, stores: Stores) -> Publication:
    """Publish what `decide` wants. Raises RulesRefused, or whatever `decide` raises.

    If someone else publishes meanwhile, decides and checks anew on top of that.
    """
    for _ in range(ATTEMPTS):
        workspace = await settle(stores=stores)
        # Going back or ending something must not wait for an example that time has overtaken.
        examples_at = act.at if verb == "published" else None
        plan, checked = await prepare(decide, workspace, stores=stores, examples_at=examples_at)
        draft = Publication.following(
            workspace,
            0,
            (_with_end(source, checked) for source in plan.sources.values()),
            changed=plan.changed,
            verb=verb,
            act=act,
        )
        publication = await stores.publications.add(draft)
        if await stores.workspace.switch(workspace, publication.number):
            await settle(stores=stores)
            return publication
        await stores.publications.discard(publication.number)
    raise Conflict("Too many others are publishing; try again.")


async def prepare(
    decide: Decide,
    workspace: Workspace,
    *,
    stores: Stores,
    examples_at: datetime | None,
    templates: Collection[Template] = (),
) -> tuple[Plan, dsl.Program]:
    """Decide and check without publishing anything; run the examples if a time is given.

    `templates` are about to be saved, and count as if they were.
    """
    current = await live_sources(workspace, stores=stores)
    plan = await decide(current)
    # What changes comes last, so that of two that clash it is the one to be blamed.
    order = sorted(plan.sources, key=lambda key: (key in plan.changed, key))
    files = [dsl.SourceFile(key, plan.sources[key].text) for key in order]
    settings = dsl.Settings(zone=workspace.zone, currency=workspace.currency)
    checked = await check(files, settings, examples_at=examples_at)
    errors = [d for d in checked.diagnostics if d.severity is dsl.Severity.ERROR]
    if checked.program is not None:
        errors += await hindrances(checked.program, stores=stores, coming=templates)
    if checked.program is None or errors:
        campaigns = await stores.campaigns.find_many(tuple(plan.sources))
        titles = {key: campaign.title for key, campaign in campaigns.items()} | dict(plan.titles)
        raise RulesRefused(errors, titles, plan.changed)
    return plan, checked.program


async def check(
    files: Sequence[dsl.SourceFile], settings: dsl.Settings, *, examples_at: datetime | None = None
) -> dsl.Checked:
    """Check files as one program, off the event loop; run the examples if a time is given."""
    if examples_at is None:
        return await asyncio.to_thread(dsl.check, files, settings)
    return await asyncio.to_thread(check_rules, files, settings, now=examples_at)


async def live_sources(workspace: Workspace, *, stores: Stores) -> Sources:
    """Return what is live now, by campaign."""
    if workspace.current == 0:
        return {}
    current = await stores.publications.get(workspace.current)
    return {source.campaign_id: source for source in current.sources}


async def roll_back(
    number: int, act: Act, *, stores: Stores, current: int | None = None
) -> Publication:
    """Publish once more exactly what an earlier publication held, in place of `current`."""
    target = await stores.publications.get_confirmed(number)

    async def decide(live: Sources) -> Plan:
        if current not in (None, (await stores.workspace.get()).current):
            raise Conflict("Something else is live by now; look again and retry.")
        wanted = {source.campaign_id: source for source in target.sources}
        everyone = sorted(live.keys() | wanted.keys())
        changed = tuple(key for key in everyone if _text(live, key) != _text(wanted, key))
        if not changed:
            raise Conflict(f"Publication {number} is what is live already.")
        for campaign in (await stores.campaigns.find_many(changed)).values():
            if campaign.id in wanted and campaign.status is Status.ARCHIVED:
                raise Conflict(f"“{campaign.title}” is archived and was part of it.")
        return Plan(wanted, changed)

    return await switch(decide, verb="rolled_back", act=act, stores=stores)


async def settle(*, stores: Stores) -> Workspace:
    """Note on the campaigns what the latest publications have made of them.

    Safe to repeat and to run from several processes: a campaign knows the last one it has noted.
    """
    workspace = await stores.workspace.get()
    while workspace.unsettled:
        for number in workspace.unsettled:
            publication = await stores.publications.get(number)
            for campaign_id in publication.changed:
                await _settle_campaign(campaign_id, publication, stores)
            await stores.publications.confirm(number)
            await stores.workspace.settle(number)
        workspace = await stores.workspace.get()
    return workspace


async def _settle_campaign(campaign_id: str, publication: Publication, stores: Stores) -> None:
    source = publication.find(campaign_id)
    while True:
        campaign = await stores.campaigns.get(campaign_id)
        if campaign.settled >= publication.number:
            return
        if source is None:
            changed = campaign.go_off(publication.number, publication.act)
        else:
            live = Live(publication.number, source.text)
            changed = campaign.go_live(
                live, publication.verb, publication.act, ends_at=source.ends_at
            )
        try:
            saved = await stores.campaigns.save(changed, was=campaign.version)
        except Conflict:
            continue
        await outbox.tell(saved, stores=stores)
        return


def _with_end(source: PublishedSource, program: dsl.Program) -> PublishedSource:
    """Note when the campaign declared in this text is over, if it says so."""
    ends: list[datetime] = [
        window.end
        for campaign in program.campaigns.values()
        if campaign.span.file == source.campaign_id
        for window in campaign.active
        if window.end is not None
    ]
    return replace(source, ends_at=min(ends, default=None))


def _text(sources: Sources, campaign_id: str) -> str | None:
    source = sources.get(campaign_id)
    return source.text if source else None


def _refusal(
    diagnostic: dsl.Diagnostic, titles: Mapping[str, str], changed: Sequence[str]
) -> Invalid:
    span = diagnostic.span
    where = f"line {span.line}, column {span.column}"
    if len(changed) != 1 or span.file not in changed:
        where = f"“{titles.get(span.file, span.file)}”, {where}"
    hint = f" ({diagnostic.hint})" if diagnostic.hint else ""
    return Invalid(f"{where}: {diagnostic.message}{hint}", code=diagnostic.code, field=("source",))
