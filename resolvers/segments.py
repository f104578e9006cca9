"""Segments as they are kept. Each field is one call to a service."""

from typing import Annotated

import strawberry

from resolvers.access import staff
from resolvers.paging import Paged
from schema.context import Info
from schema.paging import Asked, Connection
from schema.segment import SegmentMember, SegmentMemberOrder
from services import members


@strawberry.type
class SegmentQueries:
    @strawberry.field(
        description="Who is in a segment that is live, since when and why, by the people's ids "
        "unless `orderBy` says otherwise.",
        extensions=[*staff(), Paged(order=SegmentMemberOrder)],
    )
    async def segment_members(
        self,
        info: Info,
        asked: Asked,
        segment: Annotated[str, strawberry.argument(description="The segment's name.")],
        publication: Annotated[
            int | None,
            strawberry.argument(description="Only those whom this publication brought in."),
        ] = None,
    ) -> Connection[SegmentMember]:
        context = info.context
        listing = await members.listing(
            segment, publication=publication, stores=context.stores, rulebook=context.rulebook
        )
        return Connection[SegmentMember].of(
            await listing.page(asked.window),
            asked,
            node=SegmentMember.of,
            position=lambda member: asked.window.position(
                member.user.id, since=member.membership.since
            ),
            count=listing.count,
        )
