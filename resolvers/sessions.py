"""Where someone is signed in. Each field is one call to a service."""

from typing import Annotated

import strawberry

from resolvers.access import signed_in
from schema.context import Info
from schema.ids import from_global
from schema.session import (
    RevokeOtherSessionsInput,
    RevokeOtherSessionsPayload,
    RevokeSessionInput,
    RevokeSessionPayload,
    Session,
)
from services import sessions


@strawberry.type
class SessionQueries:
    @strawberry.field(
        description="Where the caller is signed in, the newest first.", extensions=signed_in()
    )
    async def sessions(self, info: Info) -> list[Session]:
        context = info.context
        found = await sessions.own(
            caller=context.caller, stores=context.stores, wall=context.clock.wall()
        )
        return [Session.of(each, current=context.caller.session_id) for each in found]


@strawberry.type
class SessionMutations:
    @strawberry.mutation(description="End one of the caller's sessions.", extensions=signed_in())
    async def revoke_session(
        self,
        info: Info,
        input: Annotated[RevokeSessionInput, strawberry.argument(description="Which one.")],
    ) -> RevokeSessionPayload:
        context = info.context
        session = await sessions.revoke(
            from_global("Session", input.id, "id"),
            caller=context.caller,
            stores=context.stores,
            wall=context.clock.wall(),
        )
        return RevokeSessionPayload(session=Session.of(session, current=context.caller.session_id))

    @strawberry.mutation(
        description="End all of the caller's sessions but the one that asks.",
        extensions=signed_in(),
    )
    async def revoke_other_sessions(
        self,
        info: Info,
        input: Annotated[
            RevokeOtherSessionsInput, strawberry.argument(description="Which not to end.")
        ],
    ) -> RevokeOtherSessionsPayload:
        context = info.context
        await sessions.revoke_others(
            keep=from_global("Session", input.keep, "keep") if input.keep else None,
            caller=context.caller,
            stores=context.stores,
            wall=context.clock.wall(),
        )
        return RevokeOtherSessionsPayload(revoked=True)
