"""Points. Each field is one call to a service."""

from typing import Annotated

import strawberry

from models.api_key import Scope
from models.paging import EVER
from resolvers.access import signed_in
from resolvers.naming import ExternalId, Whose, whose
from resolvers.paging import Paged
from schema.context import Info
from schema.paging import Asked, Connection
from schema.points import PointsAccount, PointsEntry, PointsFilter, PointsOrder
from services import statements


@strawberry.type
class PointsQueries:
    @strawberry.field(
        description="How many points someone has, and until when. Customers see only their own: "
        "those of others are null to them.",
        extensions=signed_in(scope=Scope.PRICES),
    )
    async def points_account(
        self, info: Info, user_id: Whose = None, external_id: ExternalId = None
    ) -> PointsAccount | None:
        context = info.context
        found = await statements.standing(
            await whose(context, user_id, external_id),
            caller=context.caller,
            stores=context.stores,
            rulebook=context.rulebook,
            now=context.clock.now(),
        )
        return PointsAccount.of(found)

    @strawberry.field(
        description="Where someone's points came from and went, the newest first. Customers see "
        "only their own: that of others is null to them.",
        extensions=[*signed_in(scope=Scope.PRICES), Paged(width=2, order=PointsOrder)],
    )
    async def points_statement(
        self,
        info: Info,
        asked: Asked,
        user_id: Whose = None,
        external_id: ExternalId = None,
        filter: Annotated[
            PointsFilter | None, strawberry.argument(description="Which lines.")
        ] = None,
    ) -> Connection[PointsEntry] | None:
        context = info.context
        stores, who = context.stores, await whose(context, user_id, external_id)
        moved = filter.moved() if filter else EVER
        lines = await statements.statement(
            who, asked.window, moved, caller=context.caller, stores=stores
        )
        return Connection[PointsEntry].of(
            lines,
            asked,
            node=PointsEntry.of,
            position=lambda line: (line.transfer.at.isoformat(), line.transfer.id),
            count=lambda: stores.points.count(who, moved),
        )
