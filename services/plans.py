"""What releasing a folder would do, found out without doing anything."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import dsl
from models.campaign import Campaign
from models.errors import Invalid
from models.store import Stores
from models.store.segments import Stages
from models.template import Template
from services import measures, publications, templates
from services.files import Standing, standing
from services.folders import Folder
from services.readiness import hindrances
from services.rules import check_rules


@dataclass(frozen=True, slots=True)
class SegmentChange:
    """How many people were in a segment, are to be, come in and fall out.

    Before or after is None if there is no such segment then; everything is if `problem` says why
    nobody could count.
    """

    name: str
    before: int | None = None
    after: int | None = None
    gained: int | None = None
    lost: int | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class JourneyChange:
    """How many runs of a trigger are under way, and whether they end: else they go on as begun."""

    trigger: str
    running: int
    ends: bool


@dataclass(frozen=True, slots=True)
class ReleasePlan:
    """`publication` is what is live (0: nothing) and `files` are the keys of those to be published.

    In what is changed and diagnosed, files are named by their keys. `unclaimed` are live campaigns
    that the folder has no file of and that stay.
    """

    publication: int
    diagnostics: tuple[dsl.Diagnostic, ...]
    changes: tuple[dsl.Change, ...]
    files: tuple[str, ...]
    ended: tuple[Campaign, ...] = ()
    unclaimed: tuple[Campaign, ...] = ()
    templates: tuple[Template, ...] = ()
    segments: tuple[SegmentChange, ...] = ()
    journeys: tuple[JourneyChange, ...] = ()

    @property
    def valid(self) -> bool:
        return not any(d.severity is dsl.Severity.ERROR for d in self.diagnostics)

    @property
    def empty(self) -> bool:
        """Whether releasing the folder would change nothing."""
        return not (self.files or self.ended or self.templates or self.changes)


def compare(
    folder: Folder, before: Sequence[dsl.SourceFile], settings: dsl.Settings, *, now: datetime
) -> ReleasePlan:
    """Plan upon other files instead of what is live. Raises Invalid if a template is wrong."""
    for template in folder.templates:
        templates.check(template)
    after = [dsl.SourceFile(file.key, file.text) for file in folder.files]
    texts = {source.name: source.text for source in before}
    return ReleasePlan(
        0,
        check_rules(after, settings, now=now).diagnostics,
        dsl.difference(before, after),
        tuple(file.key for file in folder.files if texts.get(file.key) != file.text),
    )


async def plan(folder: Folder, *, stores: Stores, now: datetime) -> ReleasePlan:
    """Find out what releasing the folder would do. Raises Invalid if a template is wrong."""
    found = await standing(folder, stores=stores)
    names = _names(found)
    before = [dsl.SourceFile(names[key], source.text) for key, source in found.live.items()]
    after = _after(folder, found, names)
    settings = dsl.Settings(zone=found.workspace.zone, currency=found.workspace.currency)
    checked = await publications.check(after, settings, examples_at=now)
    missing = []
    if checked.program is not None:
        missing = await hindrances(checked.program, stores=stores, coming=folder.templates)
    planned = ReleasePlan(
        publication=found.workspace.current,
        diagnostics=_of_folder(folder, (*checked.diagnostics, *missing), found, names),
        changes=await asyncio.to_thread(dsl.difference, before, after),
        files=tuple(file.key for file in folder.files if found.is_changed(file)),
        ended=found.ended,
        unclaimed=tuple(campaign for campaign in found.unclaimed if campaign not in found.ended),
        templates=tuple(await templates.changed(folder.templates, stores=stores)),
    )
    if checked.program is None:
        return planned
    was = (await publications.check(before, settings)).program or dsl.Program()
    return replace(
        planned,
        segments=await _segments(was, checked.program, stores=stores, now=now),
        journeys=await _journeys(planned, was, names, stores=stores),
    )


def _names(found: Standing) -> dict[str, str]:
    """Return what the live campaigns are called here: as in the folder, if it has them."""
    keys = {campaign_id: key for key, campaign_id in found.ids.items()}
    return {key: keys.get(key) or found.campaigns[key].key or key for key in found.live}


def _after(folder: Folder, found: Standing, names: Mapping[str, str]) -> list[dsl.SourceFile]:
    """Return what is to be. The folder's files come last: of two that clash they are to blame."""
    replaced = {*found.ids.values(), *(campaign.id for campaign in found.ended)}
    staying = [
        dsl.SourceFile(names[key], source.text)
        for key, source in found.live.items()
        if key not in replaced
    ]
    return [*staying, *(dsl.SourceFile(file.key, file.text) for file in folder.files)]


def _of_folder(
    folder: Folder,
    diagnostics: Sequence[dsl.Diagnostic],
    found: Standing,
    names: Mapping[str, str],
) -> tuple[dsl.Diagnostic, ...]:
    """Return the folder's diagnostics, and the errors it causes elsewhere, named by title.

    Warnings about what stays as it is are nothing to tell here.
    """
    own = {file.key for file in folder.files}
    titles = {name: found.campaigns[key].title for key, name in names.items()}
    return tuple(
        d if d.span.file in own else _from_elsewhere(d, titles)
        for d in diagnostics
        if d.span.file in own or d.severity is dsl.Severity.ERROR
    )


def _from_elsewhere(diagnostic: dsl.Diagnostic, titles: Mapping[str, str]) -> dsl.Diagnostic:
    span = diagnostic.span
    where = f"in “{titles[span.file]}”, line {span.line}, column {span.column}"
    return replace(diagnostic, message=f"{where}: {diagnostic.message}", span=dsl.Span(file=""))


async def _segments(
    before: dsl.Program, after: dsl.Program, *, stores: Stores, now: datetime
) -> tuple[SegmentChange, ...]:
    return tuple(
        [
            await _segment(name, before, after, stores=stores, now=now)
            for name in dsl.segments_changed(before, after)
        ]
    )


async def _segment(
    name: str, before: dsl.Program, after: dsl.Program, *, stores: Stores, now: datetime
) -> SegmentChange:
    try:
        layout = await measures.layout(dsl.Layout(), stores=stores, now=now)
        was, to_be = _stages(name, before, layout, now), _stages(name, after, layout, now)
        gained, lost, staying = await stores.segments.compare(was, to_be)
    except dsl.NotPushable as error:
        return SegmentChange(name, problem=f"the database cannot be asked: {error.reason}")
    except Invalid as error:
        return SegmentChange(name, problem=error.message)
    return SegmentChange(
        name,
        before=None if was is None else lost + staying,
        after=None if to_be is None else gained + staying,
        gained=gained,
        lost=lost,
    )


def _stages(name: str, program: dsl.Program, layout: dsl.Layout, now: datetime) -> Stages | None:
    segment = program.segments.get(name)
    if segment is None:
        return None
    return dsl.to_mongo(segment.condition, layout, dsl.Moment(now, program.zone, program))


async def _journeys(
    planned: ReleasePlan, before: dsl.Program, names: Mapping[str, str], *, stores: Stores
) -> tuple[JourneyChange, ...]:
    """Tell of runs under way whose trigger changes or is gone, or whose campaign ends."""
    ended = {names[campaign.id] for campaign in planned.ended}
    ending = {name for name, trigger in before.triggers.items() if trigger.span.file in ended}
    changed = {c.name for c in planned.changes if c.kind == "trigger" and c.before is not None}
    counts = await stores.runs.count_waiting(sorted(changed | ending))
    return tuple(JourneyChange(name, count, name in ending) for name, count in counts.items())
