"""Segments as they are kept. Each field is one call to a service."""

from typing import Annotated

import strawberry

from resolvers.access import staff
from schema.context import Info
from schema.paging import Connection, window
from schema.segment import SegmentMember
from services import members


@strawberry.type
class SegmentQueries:
    @strawberry.field(
        description="Who is in a segment that is live, since when and why, by the people's ids.",
        extensions=staff(),
    )
    async def segment_members(
        self,
        info: Info,
        segment: Annotated[str, strawberry.argument(description="The segment's name.")],
        publication: Annotated[
            int | None,
            strawberry.argument(description="Only those whom this publication brought in."),
        ] = None,
        first: Annotated[
            int | None, strawberry.argument(description="How many, from the start.")
        ] = None,
        after: Annotated[
            str | None, strawberry.argument(description="Only those after this cursor.")
        ] = None,
        last: Annotated[
            int | None, strawberry.argument(description="How many, from the end.")
        ] = None,
        before: Annotated[
            str | None, strawberry.argument(description="Only those before this cursor.")
        ] = None,
    ) -> Connection[SegmentMember]:
        page = window(first, after, last, before)
        context = info.context
        listing = await members.listing(
            segment, publication=publication, stores=context.stores, rulebook=context.rulebook
        )
        return Connection[SegmentMember].of(
            await listing.page(page),
            page,
            node=SegmentMember.of,
            position=lambda member: (member.user.id,),
            count=listing.count,
        )
