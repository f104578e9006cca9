"""Rules kept in files, in the API: what releasing them would do, and has done."""

from enum import Enum
from typing import Self

import strawberry

import dsl
from schema.campaign import Campaign
from schema.enums import describe
from schema.ids import to_global
from schema.payloads import Payload
from schema.rules import DeclarationKind, Diagnostic
from schema.template import SaveTemplateInput, Template
from services import plans, releases
from services.files import Published
from services.folders import Folder, Kept, RulesFile


@strawberry.input(description="A file of rules.")
class RulesFileInput:
    name: str = strawberry.field(
        description="Its path in the folder of rules, without `.rules`: the name that its "
        "campaign is known by from one release to the next."
    )
    text: str = strawberry.field(description="All of it, at most 256 KiB.")


@strawberry.input(description="A folder of rules.")
class PlanRulesInput:
    files: list[RulesFileInput] = strawberry.field(description="All files, in any order.")
    templates: list[SaveTemplateInput] = strawberry.field(
        default_factory=list, description="The templates beside them; others stay as they are."
    )
    prune: bool = strawberry.field(
        default=False,
        description="Whether campaigns are to end that are kept in a file that is not here.",
    )

    def folder(self) -> Folder:
        """Return it as the services take it. Reads every file: not for the event loop."""
        return Folder(
            tuple(RulesFile.of(file.name, file.text) for file in self.files),
            tuple(template.template() for template in self.templates),
            self.prune,
        )


@strawberry.input(description="A folder of rules to publish.")
class ReleaseRulesInput(PlanRulesInput):
    publication: int | None = strawberry.field(
        default=None,
        description="Refuse if anything but this publication is live: the one that was planned "
        "upon, 0 for none.",
    )
    reason: str = strawberry.field(default="", description="Why; kept in the history.")


class ChangeKind(Enum):
    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


describe(
    ChangeKind,
    "What a release does to something.",
    ADDED="It is new.",
    CHANGED="It is other than before, or in another file.",
    REMOVED="It is gone.",
)


@strawberry.type(description="A declaration that is new, other, moved or gone.")
class DeclarationChange:
    change: ChangeKind = strawberry.field(description="What happens to it.")
    kind: DeclarationKind = strawberry.field(description="What it is.")
    name: str = strawberry.field(description="Its name; an example's is its title.")
    file: str = strawberry.field(description="The file it is in, or was in if it is removed.")
    moved_from: str | None = strawberry.field(description="The file it was in, if another.")
    lines: list[str] = strawberry.field(
        description="What is other, in lines of canonical text that begin with `-` or `+`. Layout "
        "and comments make no difference."
    )

    @classmethod
    def of(cls, change: dsl.Change) -> Self:
        """Show a change."""
        before, after = change.before, change.after
        file = (after or before).span.file  # type: ignore[union-attr]
        moved = before is not None and after is not None and before.span.file != after.span.file
        kind = (
            ChangeKind.ADDED
            if before is None
            else ChangeKind.REMOVED
            if after is None
            else ChangeKind.CHANGED
        )
        return cls(
            change=kind,
            kind=DeclarationKind(change.kind),
            name=change.name,
            file=file,
            moved_from=before.span.file if before is not None and moved else None,
            lines=list(change.lines),
        )


@strawberry.type(description="A problem of the rules as they are to be.")
class FileDiagnostic:
    file: str | None = strawberry.field(
        description="The file it is in; null for one that these files cause elsewhere."
    )
    diagnostic: Diagnostic = strawberry.field(description="What is wrong.")


@strawberry.type(description="Who comes into a segment, and who falls out.")
class SegmentChange:
    name: str = strawberry.field(description="The segment.")
    before: int | None = strawberry.field(description="How many are in it; null if it is new.")
    after: int | None = strawberry.field(description="How many would be; null if it is gone.")
    gained: int | None = strawberry.field(description="How many would come in.")
    lost: int | None = strawberry.field(description="How many would fall out.")
    problem: str | None = strawberry.field(description="Why they could not be counted.")

    @classmethod
    def of(cls, change: plans.SegmentChange) -> Self:
        """Show a change."""
        return cls(
            name=change.name,
            before=change.before,
            after=change.after,
            gained=change.gained,
            lost=change.lost,
            problem=change.problem,
        )


@strawberry.type(description="Journeys under way whose trigger changes or is gone.")
class JourneyChange:
    trigger: str = strawberry.field(description="The trigger that started them.")
    running: int = strawberry.field(description="How many are under way.")
    ends: bool = strawberry.field(
        description="Whether they end with their campaign; else they go on as they began."
    )

    @classmethod
    def of(cls, change: plans.JourneyChange) -> Self:
        """Show a change."""
        return cls(trigger=change.trigger, running=change.running, ends=change.ends)


@strawberry.type(description="What releasing a folder of rules would do.")
class RulesPlan:
    publication: int = strawberry.field(description="What is live; 0 for nothing.")
    valid: bool = strawberry.field(description="Whether it could be released.")
    empty: bool = strawberry.field(description="Whether releasing it would change nothing.")
    diagnostics: list[FileDiagnostic] = strawberry.field(
        description="What is to be said of the rules, checked with everything that stays live."
    )
    declarations: list[DeclarationChange] = strawberry.field(
        description="What customers will notice: declarations that are new, other or gone."
    )
    files: list[str] = strawberry.field(
        description="The files with another text than what is live of them."
    )
    ended: list[str] = strawberry.field(description="The files whose campaigns would end.")
    unclaimed: list[str] = strawberry.field(
        description="Titles of live campaigns that no file here is of; they stay as they are."
    )
    templates: list[str] = strawberry.field(description="The templates that would be saved.")
    segments: list[SegmentChange] = strawberry.field(
        description="Segments that are judged differently, counted now."
    )
    journeys: list[JourneyChange] = strawberry.field(description="Journeys concerned.")

    @classmethod
    def of(cls, plan: plans.ReleasePlan) -> Self:
        """Show a plan."""
        return cls(
            publication=plan.publication,
            valid=plan.valid,
            empty=plan.empty,
            diagnostics=[
                FileDiagnostic(file=d.span.file or None, diagnostic=Diagnostic.of(d))
                for d in plan.diagnostics
            ],
            declarations=[DeclarationChange.of(change) for change in plan.changes],
            files=list(plan.files),
            ended=[campaign.key or campaign.title for campaign in plan.ended],
            unclaimed=[campaign.title for campaign in plan.unclaimed],
            templates=[template.name for template in plan.templates],
            segments=[SegmentChange.of(change) for change in plan.segments],
            journeys=[JourneyChange.of(change) for change in plan.journeys],
        )


@strawberry.type(description="The live rules of one campaign.")
class PublishedFile:
    campaign_id: strawberry.ID = strawberry.field(description="Which campaign.")
    title: str = strawberry.field(description="The campaign's title.")
    name: str | None = strawberry.field(
        description="The file that they were last released from, if they were."
    )
    text: str = strawberry.field(description="All of it.")

    @classmethod
    def of(cls, kept: Kept) -> Self:
        """Show the rules of a campaign."""
        return cls(
            campaign_id=strawberry.ID(to_global("Campaign", kept.id)),
            title=kept.title,
            name=kept.key,
            text=kept.text,
        )


@strawberry.type(description="All rules that are live, as files.")
class PublishedRules:
    publication: int = strawberry.field(description="Which publication this is; 0 if none is.")
    files: list[PublishedFile] = strawberry.field(description="One for each live campaign.")

    @classmethod
    def of(cls, published: Published) -> Self:
        """Show what is live."""
        return cls(
            publication=published.publication,
            files=[PublishedFile.of(kept) for kept in published.campaigns],
        )


@strawberry.type(description="What a release has done.")
class ReleaseRulesPayload(Payload):
    publication: int | None = strawberry.field(
        default=None, description="The publication made; null if all rules were live already."
    )
    campaigns: list[Campaign] | None = strawberry.field(
        default=None, description="The campaigns of the files, in their order."
    )
    ended: list[Campaign] | None = strawberry.field(
        default=None, description="The campaigns that have ended."
    )
    templates: list[Template] | None = strawberry.field(
        default=None, description="The templates that were saved."
    )

    @classmethod
    def of(cls, released: releases.Released) -> Self:
        """Show what has been done."""
        return cls(
            publication=released.publication,
            campaigns=[Campaign.of(campaign) for campaign in released.campaigns],
            ended=[Campaign.of(campaign) for campaign in released.ended],
            templates=[Template.of(template) for template in released.templates],
        )
