"""The people in a segment, in the API."""

from datetime import datetime
from enum import Enum
from typing import Self

import strawberry

from schema.enums import describe
from schema.membership import MembershipCause
from schema.paging import Direction
from schema.user import User
from services.members import Member


@strawberry.type(description="Someone in a segment.")
class SegmentMember:
    user: User = strawberry.field(description="Who.")
    since: datetime = strawberry.field(description="When they were found to be in it.")
    why: MembershipCause = strawberry.field(description="What brought them in.")

    @classmethod
    def of(cls, member: Member) -> Self:
        """Show a member."""
        return cls(
            user=User.of(member.user),
            since=member.membership.since,
            why=MembershipCause.of_cause(member.membership.cause),
        )


class SegmentMemberOrderField(Enum):
    SINCE = "since"


describe(
    SegmentMemberOrderField,
    "What members of a segment can be sorted by.",
    SINCE="When the person was found to be in it.",
)


@strawberry.input(description="How to sort members of a segment.")
class SegmentMemberOrder:
    field: SegmentMemberOrderField = strawberry.field(description="By what.")
    direction: Direction = strawberry.field(default=Direction.ASC, description="Which way.")
