"""What can be done to campaigns: inputs and payloads."""

from datetime import datetime

import strawberry

from models.campaign import Channel
from schema.campaign import Campaign, Publication
from schema.payloads import Payload


@strawberry.input(description="A new campaign.")
class CreateCampaignInput:
    title: str = strawberry.field(description="For people, 1 to 200 characters.")
    source: str = strawberry.field(default="", description="Its rules, at most 256 KiB.")
    goal: str = strawberry.field(default="", description="What it is to achieve, in words.")
    channels: list[Channel] = strawberry.field(
        default_factory=list, description="How it is meant to reach people."
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="Made by the caller; the same key again is answered with the same campaign.",
    )


@strawberry.input(description="What to change about a campaign. What is left out stays.")
class UpdateCampaignInput:
    id: strawberry.ID = strawberry.field(description="Which campaign.")
    version: int = strawberry.field(description="The version that was read and is being changed.")
    title: str | None = strawberry.field(default=strawberry.UNSET, description="For people.")
    source: str | None = strawberry.field(
        default=strawberry.UNSET, description="Its rules. Another text needs review again."
    )
    goal: str | None = strawberry.field(
        default=strawberry.UNSET, description="What it is to achieve, in words."
    )
    channels: list[Channel] | None = strawberry.field(
        default=strawberry.UNSET, description="How it is meant to reach people."
    )


@strawberry.input(description="A step of a campaign.")
class CampaignStepInput:
    id: strawberry.ID = strawberry.field(description="Which campaign.")
    reason: str = strawberry.field(default="", description="Why; kept in the history.")
    version: int | None = strawberry.field(
        default=None, description="Refuse if the campaign is no longer this version."
    )


@strawberry.input(description="What to have reviewed.")
class SubmitCampaignInput(CampaignStepInput):
    pass


@strawberry.input(description="What to approve.")
class ApproveCampaignInput(CampaignStepInput):
    pass


@strawberry.input(description="What to send back, and why.")
class RejectCampaignInput:
    id: strawberry.ID = strawberry.field(description="Which campaign.")
    reason: str = strawberry.field(description="What its writers should know.")
    version: int | None = strawberry.field(
        default=None, description="Refuse if the campaign is no longer this version."
    )


@strawberry.input(description="What to publish, and when.")
class PublishCampaignInput(CampaignStepInput):
    at: datetime | None = strawberry.field(default=None, description="A later time; else now.")


@strawberry.input(description="What to pause.")
class PauseCampaignInput(CampaignStepInput):
    pass


@strawberry.input(description="What to go on with.")
class ResumeCampaignInput(CampaignStepInput):
    pass


@strawberry.input(description="What to end.")
class EndCampaignInput(CampaignStepInput):
    pass


@strawberry.input(description="What to put away.")
class ArchiveCampaignInput(CampaignStepInput):
    pass


@strawberry.input(description="Which text of a campaign to publish once more.")
class RollbackCampaignInput:
    id: strawberry.ID = strawberry.field(description="Which campaign.")
    publication: int = strawberry.field(description="The publication that held the text.")
    reason: str = strawberry.field(default="", description="Why; kept in the history.")
    version: int | None = strawberry.field(
        default=None, description="Refuse if the campaign is no longer this version."
    )


@strawberry.input(description="Which publication to publish once more.")
class RollbackPublicationInput:
    publication: int = strawberry.field(description="Its number.")
    reason: str = strawberry.field(default="", description="Why; kept in the history.")
    current: int | None = strawberry.field(
        default=None, description="Refuse if another publication than this is live."
    )


@strawberry.type
class CampaignPayload(Payload):
    campaign: Campaign | None = strawberry.field(
        default=None, description="The campaign as it is now."
    )


@strawberry.type(description="The campaign begun.")
class CreateCampaignPayload(CampaignPayload):
    pass


@strawberry.type(description="The campaign after the edit.")
class UpdateCampaignPayload(CampaignPayload):
    pass


@strawberry.type(
    description="The campaign, in review. Refusals: one for each error in its rules, with the code "
    "of the diagnostic and its place; CONFLICT if it is no draft, or was changed meanwhile."
)
class SubmitCampaignPayload(CampaignPayload):
    pass


@strawberry.type(description="The campaign, approved.")
class ApproveCampaignPayload(CampaignPayload):
    pass


@strawberry.type(description="The campaign, a draft again.")
class RejectCampaignPayload(CampaignPayload):
    pass


@strawberry.type(
    description="The campaign, live or scheduled. If its rules cannot be live together with the "
    "others, `userErrors` has one entry for each diagnostic."
)
class PublishCampaignPayload(CampaignPayload):
    pass


@strawberry.type(description="The campaign, paused.")
class PauseCampaignPayload(CampaignPayload):
    pass


@strawberry.type(description="The campaign, running again.")
class ResumeCampaignPayload(CampaignPayload):
    pass


@strawberry.type(description="The campaign, ended.")
class EndCampaignPayload(CampaignPayload):
    pass


@strawberry.type(description="The campaign, put away.")
class ArchiveCampaignPayload(CampaignPayload):
    pass


@strawberry.type(description="The campaign with its earlier text live.")
class RollbackCampaignPayload(CampaignPayload):
    pass


@strawberry.type(description="What is live now.")
class RollbackPublicationPayload(Payload):
    publication: Publication | None = strawberry.field(
        default=None, description="The new publication with the earlier rules."
    )
