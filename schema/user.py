"""Users in the API."""

from datetime import date, datetime
from enum import Enum
from typing import Any, Self

import strawberry

from models import user as models
from models.campaign import Channel
from models.paging import Sorting, Span
from models.principal import Role
from models.session import TokenPair
from schema.context import Info
from schema.enums import describe
from schema.external import EXTERNAL_ID, external_ids
from schema.ids import to_global
from schema.membership import SegmentMembership
from schema.node import Node
from schema.paging import Direction
from schema.payloads import Payload
from schema.scalars import JSON
from services import members

describe(
    Role,
    "What a person may do here.",
    ADMIN="All there is to do.",
    MARKETER="Write campaigns, and approve those of others.",
    ANALYST="Look at everything, and change nothing.",
    INTEGRATOR="What other systems do: orders, events, products.",
    CUSTOMER="Buy, and see what is their own.",
)


@strawberry.type(description="Something that messages on a channel are about.")
class Topic:
    channel: Channel = strawberry.field(description="How the messages leave.")
    name: str = strawberry.field(description="The topic, as templates name it.")


@strawberry.type(description="The channels a person has agreed to be reached on.")
class Consent:
    email: bool = strawberry.field(description="E-mail.")
    sms: bool = strawberry.field(description="Text messages.")
    push: bool = strawberry.field(description="Push notifications.")
    tracking: bool = strawberry.field(
        description="Whether the shop may know what the person opens and clicks in messages."
    )
    social: bool = strawberry.field(
        description="Whether advertising platforms may be told of segments the person is in."
    )
    refused: list[Topic] = strawberry.field(
        description="Topics the person wants nothing about, on a channel agreed to or not."
    )

    @classmethod
    def of(cls, consent: models.Consent) -> Self:
        """Show what a person has agreed to."""
        parted = [each.partition("/") for each in sorted(consent.refused)]
        return cls(
            email=consent.email,
            sms=consent.sms,
            push=consent.push,
            tracking=consent.tracking,
            social=consent.social,
            refused=[Topic(channel=Channel(channel), name=topic) for channel, _, topic in parted],
        )


async def _segments(root: strawberry.Parent[Any], info: Info) -> list[SegmentMembership] | None:
    context = info.context
    found = await members.of_user(root.key, caller=context.principal, stores=context.stores)
    return None if found is None else [SegmentMembership.of(each) for each in found]


async def _external_ids(root: strawberry.Parent[Any], info: Info) -> list[str] | None:
    return await external_ids(root.key, info)


@strawberry.type(description="A person known to the shop.")
class User(Node):
    email: str | None = strawberry.field(description="The e-mail address, in lower case.")
    email_verified_at: datetime | None = strawberry.field(
        description="When the person showed that the e-mail address is theirs, if they have."
    )
    phone: str | None = strawberry.field(description="For text messages, as +43660123456.")
    devices: list[str] = strawberry.field(
        description="The tokens of the devices that push notifications go to."
    )
    name: str = strawberry.field(description="The name as the person writes it.")
    locale: str | None = strawberry.field(description="Language and region, as de-AT.")
    timezone: str | None = strawberry.field(description="IANA time zone, as Europe/Vienna.")
    birthday: date | None = strawberry.field(description="The day of birth.")
    tags: list[str] = strawberry.field(description="Labels the shop has put on the person.")
    consent: Consent = strawberry.field(description="What the person has agreed to.")
    attributes: JSON = strawberry.field(
        description="What the rules declare about people, by name, in stored form."
    )
    points: int = strawberry.field(description="Loyalty points.")
    tier: str | None = strawberry.field(description="Loyalty tier.")
    roles: list[Role] = strawberry.field(description="What the person may do here.")
    created_at: datetime = strawberry.field(description="When the person became known.")
    version: int = strawberry.field(
        description="Counts edits. An edit names the version it was made from."
    )
    synthetic: bool = strawberry.field(description="Whether this is a made-up person.")
    key: strawberry.Private[str]

    segments: list[SegmentMembership] | None = strawberry.field(
        resolver=_segments,
        description="The segments that the person is in. Null to all but the shop's own people.",
    )
    external_ids: list[str] | None = strawberry.field(
        resolver=_external_ids,
        description="Their ids in the shop's own system, as they were imported. Null to all but "
        "the shop's people and programs.",
    )

    @classmethod
    def of(cls, user: models.User) -> Self:
        """Show a person."""
        return cls(
            id=strawberry.ID(to_global("User", user.id)),
            email=user.email,
            email_verified_at=user.verified_at,
            phone=user.phone,
            devices=list(user.devices),
            name=user.name,
            locale=user.locale,
            timezone=user.timezone,
            birthday=user.birthday,
            tags=list(user.tags),
            consent=Consent.of(user.consent),
            attributes=JSON(dict(user.attributes)),
            points=user.points,
            tier=user.tier,
            roles=sorted(user.roles),
            created_at=user.created_at,
            version=user.version,
            synthetic=user.synthetic,
            key=user.id,
        )


@strawberry.input(description="Which users to list.")
class UserFilter:
    role: Role | None = strawberry.field(default=None, description="Only people with this role.")
    email: str | None = strawberry.field(
        default=None, description="Only the person with exactly this e-mail address."
    )
    external_id: str | None = strawberry.field(
        default=None,
        description="Only the person with exactly this id in the shop's own system.",
    )
    created_after: datetime | None = strawberry.field(
        default=None,
        description="Only those who became known at this time or later. The list is then sorted "
        "by it.",
    )
    created_before: datetime | None = strawberry.field(
        default=None, description="Only those who became known before this time."
    )

    def sorting(self) -> Sorting | None:
        """Return the order that there is an index for."""
        bounded = self.created_after or self.created_before
        return Sorting("created_at") if bounded else None

    def which(self) -> models.Which:
        """Return it as the services take it, but for the address and the external id."""
        return models.Which(role=self.role, created=Span(self.created_after, self.created_before))


class UserOrderField(Enum):
    CREATED_AT = "created_at"


describe(
    UserOrderField,
    "What users can be sorted by.",
    CREATED_AT="When the person became known.",
)


@strawberry.input(description="How to sort users.")
class UserOrder:
    field: UserOrderField = strawberry.field(description="By what.")
    direction: Direction = strawberry.field(default=Direction.ASC, description="Which way.")


@strawberry.input(description="A new customer.")
class RegisterInput:
    email: str = strawberry.field(description="The e-mail address to sign in with.")
    name: str = strawberry.field(default="", description="The name as the person writes it.")


@strawberry.input(description="Who signs in.")
class SignInInput:
    email: str = strawberry.field(description="The account's e-mail address.")
    password: str = strawberry.field(description="The account's password.")


@strawberry.input(description="Which session to go on with.")
class RefreshSessionInput:
    refresh_token: str = strawberry.field(description="The newest refresh token of the session.")


@strawberry.input(description="Which sessions to end.")
class SignOutInput:
    everywhere: bool = strawberry.field(
        default=False, description="All of the caller's sessions instead of this one."
    )


@strawberry.input(description="Whether to be told about a topic.")
class TopicConsentInput:
    channel: Channel = strawberry.field(description="EMAIL, SMS or PUSH.")
    topic: str = strawberry.field(description="The topic, as templates name it.")
    agreed: bool = strawberry.field(
        description="False: nothing about it. True: as the channel's consent says."
    )


@strawberry.input(description="The channels to change; those left out stay as they are.")
class ConsentInput:
    email: bool | None = strawberry.field(default=strawberry.UNSET, description="E-mail.")
    sms: bool | None = strawberry.field(default=strawberry.UNSET, description="Text messages.")
    push: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Push notifications."
    )
    tracking: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="Whether the shop may know what the person opens and clicks in messages.",
    )
    social: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="Whether advertising platforms may be told of segments the person is in.",
    )
    topics: list[TopicConsentInput] | None = strawberry.field(
        default=strawberry.UNSET, description="Topics to refuse, or to hear of again."
    )

    def by_topic(self) -> dict[tuple[str, str], bool]:
        """Return what is said of topics, by channel and topic."""
        return {(each.channel.value, each.topic): each.agreed for each in self.topics or ()}


@strawberry.input(description="Who is to be what.")
class AssignRolesInput:
    roles: list[Role] = strawberry.field(
        description="All that they are to have from now on, at least one. What is not among them "
        "is taken from them."
    )
    version: int = strawberry.field(description="The version that was read and is being changed.")
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="Whose roles. This or `externalId` has to be given."
    )
    external_id: str | None = strawberry.field(default=None, description=EXTERNAL_ID)


@strawberry.input(
    description="What to change about oneself. What is left out stays; null clears it."
)
class UpdateProfileInput:
    version: int = strawberry.field(description="The version that was read and is being changed.")
    name: str | None = strawberry.field(
        default=strawberry.UNSET, description="The name as the person writes it."
    )
    locale: str | None = strawberry.field(
        default=strawberry.UNSET, description="Language and region, as de-AT."
    )
    timezone: str | None = strawberry.field(
        default=strawberry.UNSET, description="IANA time zone, as Europe/Vienna."
    )
    birthday: date | None = strawberry.field(
        default=strawberry.UNSET, description="The day of birth."
    )
    phone: str | None = strawberry.field(
        default=strawberry.UNSET, description="For text messages, as +43660123456."
    )
    devices: list[str] | None = strawberry.field(
        default=strawberry.UNSET,
        description="The tokens of all devices for push notifications, at most 20.",
    )
    consent: ConsentInput | None = strawberry.field(
        default=strawberry.UNSET, description="What the person agrees to."
    )


@strawberry.type(description="The tokens of a session.")
class SessionTokens:
    access_token: str = strawberry.field(
        description="Send it as `Authorization: Bearer …` with every request."
    )
    refresh_token: str = strawberry.field(
        description="Trade it for new tokens with refreshSession. Good for one use."
    )
    expires_at: datetime = strawberry.field(description="When the access token ends.")

    @classmethod
    def of(cls, pair: TokenPair) -> Self:
        """Show a pair of tokens."""
        return cls(
            access_token=pair.access_token,
            refresh_token=pair.refresh_token,
            expires_at=pair.expires_at,
        )


@strawberry.type(description="A session, opened or gone on with.")
class SessionPayload(Payload):
    user: User | None = strawberry.field(default=None, description="Who has signed in.")
    session: SessionTokens | None = strawberry.field(default=None, description="Their tokens.")


@strawberry.type(description="The wish, taken: alike whether there is such an account or not.")
class RegisterPayload(Payload):
    requested: bool | None = strawberry.field(
        default=None,
        description="True: mail is sent, to make the account or to say that there is one.",
    )


@strawberry.input(description="What shows that an address is one's own, and a password.")
class CompleteRegistrationInput:
    token: str = strawberry.field(description="The token in the letter; good once, for three days.")
    password: str = strawberry.field(description="8 to 128 characters, not a common one.")


@strawberry.type(description="The new account, signed in.")
class CompleteRegistrationPayload(SessionPayload):
    pass


@strawberry.type(description="The session just opened.")
class SignInPayload(SessionPayload):
    pass


@strawberry.type(
    description="The session gone on with. Refusal: SESSION_ENDED, after which only signing in "
    "helps."
)
class RefreshSessionPayload(SessionPayload):
    pass


@strawberry.type(description="The session's end.")
class SignOutPayload(Payload):
    signed_out: bool | None = strawberry.field(
        default=None, description="True: its refresh tokens are worth nothing now."
    )


@strawberry.type(
    description="The person with their roles. Refusals: INVALID, NOT_FOUND, CONFLICT, OWN_ROLES, "
    "LAST_ADMIN."
)
class AssignRolesPayload(Payload):
    user: User | None = strawberry.field(default=None, description="The person as they are now.")


@strawberry.type(description="The caller after the change.")
class UpdateProfilePayload(Payload):
    user: User | None = strawberry.field(default=None, description="The person as they are now.")
