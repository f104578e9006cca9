"""Campaigns in the API: what they are, and their history."""

from datetime import datetime
from enum import Enum
from typing import Self

import strawberry

from models import campaign as models
from models import publication
from models.campaign import Channel, Status
from models.paging import Sorting, Span
from schema.enums import describe
from schema.ids import to_global
from schema.node import Node
from schema.paging import Direction
from schema.report import CampaignReport, report_of

describe(
    Channel,
    "How a message leaves.",
    name="Channel",
    EMAIL="By e-mail.",
    SMS="As a text message.",
    PUSH="As a push notification.",
    WEBHOOK="As a call of another system.",
    SOCIAL="By way of an advertising platform.",
)
describe(
    Status,
    "Where a campaign stands.",
    name="CampaignStatus",
    DRAFT="It is being written.",
    IN_REVIEW="It waits for someone else to approve it.",
    APPROVED="It can be published.",
    SCHEDULED="It will be published at its time.",
    RUNNING="It is live.",
    PAUSED="It is live, but is not served for now.",
    ENDED="It was live, and is no more.",
    ARCHIVED="It is put away.",
)


@strawberry.type(description="One step of a campaign's history.")
class CampaignTransition:
    verb: str = strawberry.field(description="What was done, as `approved`.")
    before: Status = strawberry.field(description="Where the campaign stood.")
    after: Status = strawberry.field(description="Where it has stood since.")
    at: datetime = strawberry.field(description="When.")
    by_id: strawberry.ID = strawberry.field(description="The id of the user who did it.")
    reason: str | None = strawberry.field(description="Why, if they said so.")

    @classmethod
    def of(cls, transition: models.Transition) -> Self:
        """Show a step."""
        return cls(
            verb=transition.verb,
            before=transition.before,
            after=transition.after,
            at=transition.act.at,
            by_id=strawberry.ID(to_global("User", transition.act.by)),
            reason=transition.act.why or None,
        )


@strawberry.type(
    description="Rules with an aim. While it is live its text can be revised: `revision` is then "
    "where the new text stands in review, beside the text that is live."
)
class Campaign(Node):
    title: str = strawberry.field(description="For people.")
    goal: str = strawberry.field(description="What it is to achieve, in words.")
    channels: list[Channel] = strawberry.field(description="How it is meant to reach people.")
    source: str = strawberry.field(description="Its rules: the text that is being worked on.")
    status: Status = strawberry.field(description="Where it stands.")
    revision: Status | None = strawberry.field(
        description="Where the changed text stands, while an earlier one is live."
    )
    live_source: str | None = strawberry.field(description="The rules that are live.")
    live_publication: int | None = strawberry.field(
        description="The publication that made them live."
    )
    scheduled_for: datetime | None = strawberry.field(description="When it is to be published.")
    ends_at: datetime | None = strawberry.field(description="When it ends by its own dates.")
    author_id: strawberry.ID = strawberry.field(description="The id of the user who began it.")
    created_at: datetime = strawberry.field(description="When it was begun.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")
    version: int = strawberry.field(
        description="Counts changes. An edit names the version it was made from."
    )
    history: list[CampaignTransition] = strawberry.field(description="Its steps, oldest first.")
    key: strawberry.Private[str]

    report: CampaignReport = strawberry.field(
        resolver=report_of, description="What came of it, in all or over a time."
    )

    @classmethod
    def of(cls, campaign: models.Campaign) -> Self:
        """Show a campaign."""
        live = campaign.live
        return cls(
            id=strawberry.ID(to_global("Campaign", campaign.id)),
            title=campaign.title,
            goal=campaign.goal,
            channels=list(campaign.channels),
            source=campaign.source,
            status=campaign.status,
            revision=campaign.revision,
            live_source=live.source if live else None,
            live_publication=live.publication if live else None,
            scheduled_for=campaign.scheduled_for,
            ends_at=campaign.ends_at,
            author_id=strawberry.ID(to_global("User", campaign.author)),
            created_at=campaign.created_at,
            updated_at=campaign.updated_at,
            version=campaign.version,
            history=[CampaignTransition.of(transition) for transition in campaign.history],
            key=campaign.id,
        )


@strawberry.input(description="Which campaigns to list.")
class CampaignFilter:
    status: Status | None = strawberry.field(
        default=None, description="Only those that stand here."
    )
    updated_after: datetime | None = strawberry.field(
        default=None,
        description="Only those last changed at this time or later. The list is then sorted by it.",
    )
    updated_before: datetime | None = strawberry.field(
        default=None, description="Only those last changed before this time."
    )

    def sorting(self) -> Sorting | None:
        """Return the order that there is an index for."""
        bounded = self.updated_after or self.updated_before
        return Sorting("updated_at", descending=True) if bounded else None

    def which(self) -> models.Which:
        """Return it as the services take it."""
        return models.Which(
            status=self.status, updated=Span(self.updated_after, self.updated_before)
        )


class CampaignOrderField(Enum):
    CREATED_AT = "id"
    UPDATED_AT = "updated_at"


describe(
    CampaignOrderField,
    "What campaigns can be sorted by.",
    CREATED_AT="When it was begun.",
    UPDATED_AT="When it was last changed.",
)


@strawberry.input(description="How to sort campaigns.")
class CampaignOrder:
    field: CampaignOrderField = strawberry.field(description="By what.")
    direction: Direction = strawberry.field(default=Direction.ASC, description="Which way.")


class PublicationOrderField(Enum):
    NUMBER = "id"


describe(
    PublicationOrderField,
    "What publications can be sorted by.",
    NUMBER="Their numbers, which is when they were made.",
)


@strawberry.input(description="How to sort publications.")
class PublicationOrder:
    field: PublicationOrderField = strawberry.field(description="By what.")
    direction: Direction = strawberry.field(default=Direction.ASC, description="Which way.")


@strawberry.type(description="The rules of all campaigns that were live together. Immutable.")
class Publication(Node):
    number: int = strawberry.field(description="Publications are numbered upwards.")
    previous: int | None = strawberry.field(description="The one that it replaced.")
    at: datetime = strawberry.field(description="When it was made.")
    by_id: strawberry.ID = strawberry.field(description="The id of the user who made it.")
    verb: str = strawberry.field(
        description="What it did to the changed campaigns: published, ended, rolled_back."
    )
    reason: str | None = strawberry.field(description="Why, if they said so.")
    content_hash: str = strawberry.field(description="SHA-256 of its rules and settings.")
    changed_ids: list[strawberry.ID] = strawberry.field(
        description="The ids of the campaigns it is about."
    )
    campaign_ids: list[strawberry.ID] = strawberry.field(
        description="The ids of all the campaigns that it holds."
    )

    @classmethod
    def of(cls, made: publication.Publication) -> Self:
        """Show a publication."""
        return cls(
            id=strawberry.ID(to_global("Publication", str(made.number))),
            number=made.number,
            previous=made.previous or None,
            at=made.act.at,
            by_id=strawberry.ID(to_global("User", made.act.by)),
            verb=made.verb,
            reason=made.act.why or None,
            content_hash=made.content_hash,
            changed_ids=[strawberry.ID(to_global("Campaign", key)) for key in made.changed],
            campaign_ids=[
                strawberry.ID(to_global("Campaign", source.campaign_id)) for source in made.sources
            ],
        )
