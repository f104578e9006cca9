"""Points. Each field is one call to a service."""

from typing import Annotated

import strawberry

from models.paging import EVER
from resolvers.access import signed_in
from resolvers.paging import Paged
from schema.context import Context, Info
from schema.ids import from_global
from schema.paging import Asked, Connection
from schema.points import PointsAccount, PointsEntry, PointsFilter, PointsOrder
from services import statements

Whose = Annotated[
    strawberry.ID | None, strawberry.argument(description="Whose; the caller's if not given.")
]


@strawberry.type
class PointsQueries:
    @strawberry.field(
        description="How many points someone has, and until when. Customers see only their own: "
        "those of others are null to them.",
        extensions=signed_in(),
    )
    async def points_account(self, info: Info, user_id: Whose = None) -> PointsAccount | None:
        context = info.context
        found = await statements.standing(
            _whose(user_id, context),
            caller=context.caller,
            stores=context.stores,
            rulebook=context.rulebook,
            now=context.clock.now(),
        )
        return PointsAccount.of(found)

    @strawberry.field(
        description="Where someone's points came from and went, the newest first. Customers see "
        "only their own: that of others is null to them.",
        extensions=[*signed_in(), Paged(width=2, order=PointsOrder)],
    )
    async def points_statement(
        self,
        info: Info,
        asked: Asked,
        user_id: Whose = None,
        filter: Annotated[
            PointsFilter | None, strawberry.argument(description="Which lines.")
        ] = None,
    ) -> Connection[PointsEntry] | None:
        context = info.context
        stores, whose = context.stores, _whose(user_id, context)
        moved = filter.moved() if filter else EVER
        lines = await statements.statement(
            whose, asked.window, moved, caller=context.caller, stores=stores
        )
        return Connection[PointsEntry].of(
            lines,
            asked,
            node=PointsEntry.of,
            position=lambda line: (line.transfer.at.isoformat(), line.transfer.id),
            count=lambda: stores.points.count(whose, moved),
        )


def _whose(user_id: str | None, context: Context) -> str:
    return context.caller.user_id if user_id is None else from_global("User", user_id, "userId")
