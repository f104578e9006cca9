"""Members of segments in the API."""

from datetime import datetime
from typing import Self

import strawberry

from models.membership import Cause, CauseKind, Membership
from schema.enums import describe

describe(
    CauseKind,
    "What brought someone into a segment.",
    name="MembershipCauseKind",
    EVENT="An event.",
    DAY="A day that began.",
    IMPORT="A file that was taken in.",
    PROFILE="A change of what is known of them.",
    PUBLICATION="A publication of the segment.",
)


@strawberry.type(description="Why someone is in a segment.")
class MembershipCause:
    kind: CauseKind = strawberry.field(description="What brought them in.")
    of: str | None = strawberry.field(
        description="The event's id with its source, the date, or the publication's number."
    )

    @classmethod
    def of_cause(cls, cause: Cause) -> Self:
        """Show a cause."""
        return cls(kind=cause.kind, of=cause.of or None)


@strawberry.type(description="A segment that someone is in.")
class SegmentMembership:
    segment: str = strawberry.field(description="The segment's name.")
    since: datetime = strawberry.field(description="When they were found to be in it.")
    why: MembershipCause = strawberry.field(description="What brought them in.")

    @classmethod
    def of(cls, membership: Membership) -> Self:
        """Show a membership."""
        return cls(
            segment=membership.segment,
            since=membership.since,
            why=MembershipCause.of_cause(membership.cause),
        )
