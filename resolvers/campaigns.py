"""Campaigns, publications and what happens to them. Each field is one call to a service."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from models.campaign import ALL, Act
from models.errors import Invalid
from models.principal import Role
from resolvers.access import roles, staff
from resolvers.nodes import found
from resolvers.paging import Paged
from schema.activity import ActivityEntry, begin
from schema.campaign import (
    Campaign,
    CampaignFilter,
    CampaignOrder,
    Publication,
    PublicationOrder,
)
from schema.campaign_changes import (
    ApproveCampaignInput,
    ApproveCampaignPayload,
    ArchiveCampaignInput,
    ArchiveCampaignPayload,
    CreateCampaignInput,
    CreateCampaignPayload,
    EndCampaignInput,
    EndCampaignPayload,
    PauseCampaignInput,
    PauseCampaignPayload,
    PublishCampaignInput,
    PublishCampaignPayload,
    RejectCampaignInput,
    RejectCampaignPayload,
    ResumeCampaignInput,
    ResumeCampaignPayload,
    RollbackCampaignInput,
    RollbackCampaignPayload,
    RollbackPublicationInput,
    RollbackPublicationPayload,
    SubmitCampaignInput,
    SubmitCampaignPayload,
    UpdateCampaignInput,
    UpdateCampaignPayload,
)
from schema.context import Info
from schema.ids import from_global
from schema.paging import Asked, Connection
from services import campaigns, publications
from services.activity import Wanted
from services.keys import require_key


def _writers() -> Any:
    return roles(Role.ADMIN, Role.MARKETER)


CampaignId = Annotated[strawberry.ID, strawberry.argument(description="Which campaign.")]
_INPUT = strawberry.argument(description="What to do.")


@strawberry.type
class CampaignQueries:
    @strawberry.field(description="One campaign, wherever it stands.", extensions=staff())
    async def campaign(self, info: Info, id: CampaignId) -> Campaign | None:
        return await found(Campaign, id, info.context)

    @strawberry.field(
        description="Campaigns, newest first.", extensions=[*staff(), Paged(order=CampaignOrder)]
    )
    async def campaigns(
        self,
        info: Info,
        asked: Asked,
        filter: Annotated[
            CampaignFilter | None, strawberry.argument(description="Which campaigns.")
        ] = None,
    ) -> Connection[Campaign]:
        store = info.context.stores.campaigns
        which = filter.which() if filter else ALL
        return Connection[Campaign].of(
            await store.page(asked.window, which),
            asked,
            node=Campaign.of,
            position=lambda campaign: asked.window.position(
                campaign.id, updated_at=campaign.updated_at
            ),
            count=lambda: store.count(which),
        )

    @strawberry.field(
        description="What has been live, newest first: what can be rolled back to.",
        extensions=[*staff(), Paged(order=PublicationOrder)],
    )
    async def publications(
        self,
        info: Info,
        asked: Asked,
        campaign_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="Only those that hold this one.")
        ] = None,
    ) -> Connection[Publication]:
        store = info.context.stores.publications
        holding = (
            None if campaign_id is None else from_global("Campaign", campaign_id, "campaignId")
        )
        return Connection[Publication].of(
            await store.page(asked.window, campaign_id=holding),
            asked,
            node=Publication.of,
            position=lambda publication: (str(publication.number),),
            count=lambda: store.count(campaign_id=holding),
        )


@strawberry.type
class CampaignMutations:
    @strawberry.mutation(description="Begin a campaign as a draft.", extensions=_writers())
    async def create_campaign(
        self, info: Info, input: Annotated[CreateCampaignInput, _INPUT]
    ) -> CreateCampaignPayload:
        act, key = _act(info), input.idempotency_key
        campaign = await campaigns.create(
            input.title,
            input.source,
            act,
            request=None if key is None else f"{act.by}|{require_key(key)}",
            stores=info.context.stores,
            goal=input.goal,
            channels=tuple(dict.fromkeys(input.channels)),
        )
        return CreateCampaignPayload(campaign=Campaign.of(campaign))

    @strawberry.mutation(
        description="Change a campaign. What was in review or approved is a draft again; beside a "
        "text that is live, another text begins a revision.",
        extensions=_writers(),
    )
    async def update_campaign(
        self, info: Info, input: Annotated[UpdateCampaignInput, _INPUT]
    ) -> UpdateCampaignPayload:
        campaign = await campaigns.update(
            from_global("Campaign", input.id, "id"),
            input.version,
            _act(info),
            stores=info.context.stores,
            **_changes(input),
        )
        return UpdateCampaignPayload(campaign=Campaign.of(campaign))

    @strawberry.mutation(
        description="Ask for approval of rules that could be live now: with errors it stays a "
        "draft.",
        extensions=_writers(),
    )
    async def submit_campaign(
        self, info: Info, input: Annotated[SubmitCampaignInput, _INPUT]
    ) -> SubmitCampaignPayload:
        campaign = await campaigns.submit(**_step(info, input))
        return SubmitCampaignPayload(campaign=Campaign.of(campaign))

    @strawberry.mutation(
        description="Approve what someone else has written.", extensions=_writers()
    )
    async def approve_campaign(
        self, info: Info, input: Annotated[ApproveCampaignInput, _INPUT]
    ) -> ApproveCampaignPayload:
        campaign = await campaigns.approve(**_step(info, input))
        return ApproveCampaignPayload(campaign=Campaign.of(campaign))

    @strawberry.mutation(
        description="Send back what someone else has written.", extensions=_writers()
    )
    async def reject_campaign(
        self, info: Info, input: Annotated[RejectCampaignInput, _INPUT]
    ) -> RejectCampaignPayload:
        campaign = await campaigns.reject(**_step(info, input))
        return RejectCampaignPayload(campaign=Campaign.of(campaign))

    @strawberry.mutation(
        description="Make an approved campaign live, now or later, together with all others.",
        extensions=_writers(),
    )
    async def publish_campaign(
        self, info: Info, input: Annotated[PublishCampaignInput, _INPUT]
    ) -> PublishCampaignPayload:
        campaign = await campaigns.publish(**_step(info, input), at=input.at)
        await info.context.rulebook.notice()
        return PublishCampaignPayload(campaign=Campaign.of(campaign))

    @strawberry.mutation(
        description="Stop serving a campaign for now: its offers do not apply, its journeys wait.",
        extensions=_writers(),
    )
    async def pause_campaign(
        self, info: Info, input: Annotated[PauseCampaignInput, _INPUT]
    ) -> PauseCampaignPayload:
        campaign = await campaigns.pause(**_step(info, input))
        await info.context.rulebook.notice()
        return PauseCampaignPayload(campaign=Campaign.of(campaign))

    @strawberry.mutation(description="Go on after a pause.", extensions=_writers())
    async def resume_campaign(
        self, info: Info, input: Annotated[ResumeCampaignInput, _INPUT]
    ) -> ResumeCampaignPayload:
        campaign = await campaigns.resume(**_step(info, input))
        await info.context.rulebook.notice()
        return ResumeCampaignPayload(campaign=Campaign.of(campaign))

    @strawberry.mutation(
        description="End a live campaign for good; its journeys stop.", extensions=_writers()
    )
    async def end_campaign(
        self, info: Info, input: Annotated[EndCampaignInput, _INPUT]
    ) -> EndCampaignPayload:
        campaign = await campaigns.end(**_step(info, input))
        await info.context.rulebook.notice()
        return EndCampaignPayload(campaign=Campaign.of(campaign))

    @strawberry.mutation(
        description="Put away a campaign that has ended, or a draft.", extensions=_writers()
    )
    async def archive_campaign(
        self, info: Info, input: Annotated[ArchiveCampaignInput, _INPUT]
    ) -> ArchiveCampaignPayload:
        campaign = await campaigns.archive(**_step(info, input))
        return ArchiveCampaignPayload(campaign=Campaign.of(campaign))

    @strawberry.mutation(
        description="Make the text live again that a campaign had in an earlier publication.",
        extensions=_writers(),
    )
    async def rollback_campaign(
        self, info: Info, input: Annotated[RollbackCampaignInput, _INPUT]
    ) -> RollbackCampaignPayload:
        campaign = await campaigns.roll_back(
            from_global("Campaign", input.id, "id"),
            input.publication,
            _act(info, input.reason),
            stores=info.context.stores,
            version=input.version,
        )
        await info.context.rulebook.notice()
        return RollbackCampaignPayload(campaign=Campaign.of(campaign))

    @strawberry.mutation(
        description="Make all rules live again as they were in an earlier publication.",
        extensions=_writers(),
    )
    async def rollback_publication(
        self, info: Info, input: Annotated[RollbackPublicationInput, _INPUT]
    ) -> RollbackPublicationPayload:
        publication = await publications.roll_back(
            input.publication,
            _act(info, input.reason),
            stores=info.context.stores,
            current=input.current,
        )
        await info.context.rulebook.notice()
        return RollbackPublicationPayload(publication=Publication.of(publication))


@strawberry.type
class CampaignSubscriptions:
    @strawberry.subscription(
        description="What happens to campaigns and through them: everything after a cursor, then "
        "news as they come, nothing lost or doubled in between.",
        extensions=staff(),
    )
    async def campaign_activity(
        self,
        info: Info,
        campaign_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="Only about this campaign.")
        ] = None,
        after: Annotated[
            str | None,
            strawberry.argument(description="A cursor; without one only news. Kept for 30 days."),
        ] = None,
    ) -> AsyncIterator[ActivityEntry]:
        about = None if campaign_id is None else from_global("Campaign", campaign_id, "campaignId")
        following = info.context.activity.follow(begin(info, after), Wanted(campaign_id=about))
        async with aclosing(following):
            async for numbered in following:
                yield ActivityEntry.of(numbered)


def _act(info: Info, why: str = "") -> Act:
    if len(why) > 2_000:
        raise Invalid("A reason has at most 2,000 characters.", field=("reason",))
    return Act(info.context.caller.user_id, info.context.clock.now(), why)


def _step(info: Info, input: Any) -> dict[str, Any]:
    return {
        "campaign_id": from_global("Campaign", input.id, "id"),
        "act": _act(info, input.reason),
        "version": input.version,
        "stores": info.context.stores,
    }


def _changes(input: UpdateCampaignInput) -> dict[str, Any]:
    """Return what the client has sent. There is nothing to clear: null counts as left out."""
    changes: dict[str, Any] = {
        name: value
        for name in ("title", "source", "goal")
        if (value := getattr(input, name)) not in (UNSET, None)
    }
    if input.channels is not UNSET and input.channels is not None:
        changes["channels"] = tuple(dict.fromkeys(input.channels))
    return changes
