"""Rules being written: what is wrong with them, what they declare, and whom they reach."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import dsl
from models.campaign import Campaign
from models.errors import Invalid
from models.store import Stores
from models.store.segments import Stages
from models.user import User
from services import measures, publications
from services.publications import RulesRefused
from services.rulebook import Published

DRAFT = "rules"


@dataclass(frozen=True, slots=True)
class Report:
    diagnostics: tuple[dsl.Diagnostic, ...]
    declarations: tuple[dsl.Declared, ...]

    @property
    def valid(self) -> bool:
        return not any(d.severity is dsl.Severity.ERROR for d in self.diagnostics)


@dataclass(frozen=True, slots=True)
class Cost:
    """What finding people takes: how many are looked at, with how many lookups and steps each.

    `timed` says whether people come in or go by time alone.
    """

    people: int
    lookups: int
    steps: int
    timed: bool


@dataclass(frozen=True, slots=True)
class Overlap:
    """How many people are in a segment that is live, and how many of them in another as well."""

    segment: str
    members: int
    shared: int


@dataclass(frozen=True, slots=True)
class Preview:
    """`overlaps` counts what is shared with each segment that is live, when it is called."""

    count: int
    sample: tuple[User, ...]
    cost: Cost
    overlaps: Callable[[], Awaitable[list[Overlap]]]


async def report(
    source: str,
    *,
    stores: Stores,
    now: datetime,
    with_published: bool = False,
    campaign_id: str | None = None,
) -> Report:
    """Check a text, alone or together with what is live, and run the examples.

    The live text of the campaign that it is to replace is left out.
    """
    checked = await check(source, stores, with_published, campaign_id, examples_at=now)
    own = next(file for file in checked.files if file.name == DRAFT)
    diagnostics = await _as_seen_from_here(checked.diagnostics, stores)
    return Report(diagnostics, dsl.outline(own))


async def preview(
    segment: str,
    *,
    source: str | None,
    stores: Stores,
    now: datetime,
    limit: int,
    campaign_id: str | None = None,
) -> Preview:
    """Count and sample the people in a segment of a text, or of what is live without one.

    The text may use what is live. Raises RulesRefused if it does not check.
    """
    program = await program_of(source, stores=stores, campaign_id=campaign_id)
    layout = await measures.layout(dsl.Layout(), stores=stores, now=now)
    stages = _stages(segment, program, layout, now)
    count, sample = await asyncio.gather(
        stores.segments.count(stages), stores.segments.sample(stages, limit=limit)
    )
    condition = program.segments[segment].condition
    cost = Cost(
        people=await stores.users.count(),
        lookups=sum("$lookup" in stage for stage in stages),
        steps=dsl.steps_within(condition, program),
        timed=dsl.changes_by_time(condition, program),
    )

    async def overlaps() -> list[Overlap]:
        return await _overlaps(stages, stores)

    return Preview(count, tuple(sample), cost, overlaps)


async def _overlaps(stages: Stages, stores: Stores) -> list[Overlap]:
    """Count whom those who pass through the stages have in common with what is live."""
    live = (await stores.standings.get()).live
    shared = await stores.segments.shared(stages, live)
    return [
        Overlap(name, await stores.memberships.count(name, number), shared.get(name, 0))
        for name, number in sorted(live.items())
    ]


async def program_of(
    source: str | None, *, stores: Stores, campaign_id: str | None = None
) -> dsl.Program:
    """Return a text as a program, together with what is live where they agree; or what is live.

    Raises RulesRefused if the text does not check.
    """
    checked = await check(source or "", stores, True, campaign_id)
    if checked.program is None and source is not None:
        # What stands alone need not agree with what is live.
        checked = await check(source, stores, False, None)
    return agreed(checked)


def agreed(checked: dsl.Checked) -> dsl.Program:
    """Return the program of a text that was checked. Raises RulesRefused if it has errors."""
    if checked.program is None:
        errors = [d for d in checked.diagnostics if d.severity is dsl.Severity.ERROR]
        raise RulesRefused(errors, {}, (DRAFT,))
    return checked.program


async def segment_counts(published: Published, *, stores: Stores, now: datetime) -> dict[str, int]:
    """Return how many people are in each segment that is live."""
    program = published.program
    layout = await measures.layout(dsl.Layout(), stores=stores, now=now)
    return {
        name: await stores.segments.count(_stages(name, program, layout, now))
        for name in program.segments
    }


async def check(
    source: str,
    stores: Stores,
    with_published: bool,
    campaign_id: str | None,
    *,
    examples_at: datetime | None = None,
) -> dsl.Checked:
    """Check a text, with what is live if wanted; run its examples where a time is given."""
    files, settings = await program_with(source, stores, with_published, campaign_id)
    return await publications.check(files, settings, examples_at=examples_at)


async def program_with(
    source: str, stores: Stores, with_published: bool, campaign_id: str | None
) -> tuple[list[dsl.SourceFile], dsl.Settings]:
    """Return a draft and, if wanted, what is live but for the campaign that it is to replace."""
    workspace = await stores.workspace.get()
    live = await publications.live_sources(workspace, stores=stores) if with_published else {}
    files = [dsl.SourceFile(key, live[key].text) for key in live if key != campaign_id]
    # The draft comes last, so that of two that clash it is the one to be blamed.
    files.append(dsl.SourceFile(DRAFT, source))
    return files, dsl.Settings(zone=workspace.zone, currency=workspace.currency)


async def _as_seen_from_here(
    diagnostics: tuple[dsl.Diagnostic, ...], stores: Stores
) -> tuple[dsl.Diagnostic, ...]:
    """Return the draft's diagnostics, and the errors it causes in what is live, named by title."""
    own = tuple(d for d in diagnostics if d.span.file == DRAFT)
    elsewhere = [
        d for d in diagnostics if d.span.file != DRAFT and d.severity is dsl.Severity.ERROR
    ]
    campaigns = await stores.campaigns.find_many([d.span.file for d in elsewhere])
    return own + tuple(_from_elsewhere(d, campaigns) for d in elsewhere)


def _from_elsewhere(
    diagnostic: dsl.Diagnostic, campaigns: Mapping[str, Campaign]
) -> dsl.Diagnostic:
    span = diagnostic.span
    title = campaigns[span.file].title if span.file in campaigns else span.file
    message = f"in “{title}”, line {span.line}, column {span.column}: {diagnostic.message}"
    return replace(diagnostic, message=message, span=dsl.Span(file=DRAFT))


def _stages(segment: str, program: dsl.Program, layout: dsl.Layout, now: datetime) -> Stages:
    found = program.segments.get(segment)
    if found is None:
        raise Invalid(f"There is no segment {segment}.", field=("segment",))
    moment = dsl.Moment(now, program.zone, program)
    try:
        return dsl.to_mongo(found.condition, layout, moment)
    except dsl.NotPushable as error:
        raise Invalid(
            f"The database cannot be asked who is in {segment}: {error.reason}.",
            code="NOT_PUSHABLE",
            field=("segment",),
        ) from error
