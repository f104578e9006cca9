"""How much marketing people get, and the addresses that get none, in the API."""

from decimal import Decimal
from typing import Self

import strawberry

from models import messaging as models
from models.campaign import Channel
from models.messaging import Bar
from models.workspace import Workspace
from schema.enums import describe
from schema.payloads import Payload

describe(
    Bar,
    "Why an address is on the suppression list.",
    name="SuppressionReason",
    BOUNCE="Messages came back: nothing is sent.",
    COMPLAINT="Its owner complained: no marketing is sent.",
    MANUAL="Somebody put it there: no marketing is sent.",
)


@strawberry.type(description="At most so many marketing messages to one person in so many days.")
class Cap:
    most: int = strawberry.field(description="How many.")
    days: int = strawberry.field(description="In how many days, of 24 hours each.")
    channel: Channel | None = strawberry.field(
        description="On this channel; null: on all together."
    )


@strawberry.type(description="What holds for marketing messages, whichever campaign sends them.")
class MessagingPolicy:
    caps: list[Cap] = strawberry.field(description="All of them hold.")
    holdout: Decimal = strawberry.field(
        description="The percentage of people who never get marketing, to compare with."
    )
    version: int = strawberry.field(
        description="Counts edits. An edit names the version it was made from."
    )

    @classmethod
    def of(cls, workspace: Workspace) -> Self:
        """Show the workspace's policy."""
        policy = workspace.messaging
        return cls(
            caps=[
                Cap(most=c.most, days=c.days, channel=Channel(c.channel) if c.channel else None)
                for c in policy.caps
            ],
            holdout=policy.holdout,
            version=workspace.version,
        )


@strawberry.input(description="At most so many marketing messages to one person in so many days.")
class CapInput:
    most: int = strawberry.field(description="How many: 0 to 100.")
    days: int = strawberry.field(description="In how many days, 1 to 90.")
    channel: Channel | None = strawberry.field(
        default=None, description="On EMAIL, SMS or PUSH; null: on all together."
    )


@strawberry.input(description="The policy as it should be.")
class UpdateMessagingPolicyInput:
    version: int = strawberry.field(description="The version that was read and is being changed.")
    caps: list[CapInput] = strawberry.field(description="All caps, at most 10.")
    holdout: Decimal = strawberry.field(
        default=Decimal(0), description="A percentage, 0 to 50, with at most two decimals."
    )

    def policy(self) -> models.Messaging:
        """Return it as the services take it."""
        return models.Messaging(
            caps=tuple(
                models.Cap(
                    most=cap.most,
                    days=cap.days,
                    channel=cap.channel.value if cap.channel else None,
                )
                for cap in self.caps
            ),
            holdout=self.holdout,
        )


@strawberry.type(description="The policy after the change.")
class UpdateMessagingPolicyPayload(Payload):
    policy: MessagingPolicy | None = strawberry.field(default=None, description="The policy.")


@strawberry.input(description="An address to put on the suppression list.")
class SuppressAddressInput:
    address: str = strawberry.field(description="An e-mail address or a telephone number.")
    channel: Channel = strawberry.field(default=Channel.EMAIL, description="EMAIL or SMS.")


@strawberry.type(description="The address on the list.")
class SuppressAddressPayload(Payload):
    reason: Bar | None = strawberry.field(default=None, description="Why it is on the list.")


@strawberry.input(description="An address to take off the suppression list.")
class UnsuppressAddressInput:
    address: str = strawberry.field(description="An e-mail address or a telephone number.")
    channel: Channel = strawberry.field(default=Channel.EMAIL, description="EMAIL or SMS.")


@strawberry.type(description="The address is off the list. Refusal: NOT_FOUND if it was not on it.")
class UnsuppressAddressPayload(Payload):
    removed: bool | None = strawberry.field(default=None, description="True.")
