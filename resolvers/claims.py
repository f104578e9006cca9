"""Flash sales. Each field is one call to a service."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated

import strawberry

from models.api_key import Scope
from models.audit import Actor
from models.principal import Role
from resolvers.access import anyone, roles, signed_in
from resolvers.naming import named
from schema.claim import (
    Claim,
    ClaimStockInput,
    ClaimStockPayload,
    ConfirmClaimInput,
    ConfirmClaimPayload,
    ReturnClaimInput,
    ReturnClaimPayload,
    Stock,
)
from schema.context import Info
from schema.ids import from_global
from services import claims, selling

Sale = Annotated[str, strawberry.argument(description="The flash sale's name in the rules.")]


@strawberry.type
class ClaimQueries:
    @strawberry.field(
        description="What is left of a flash sale, half a second old at most.", extensions=anyone()
    )
    async def stock(self, info: Info, sale: Sale) -> Stock | None:
        return Stock.of(await info.context.claims.stock(sale))


@strawberry.type
class ClaimMutations:
    @strawberry.mutation(
        description="Hold one unit of a flash sale until it is ordered or the hold ends.",
        extensions=signed_in(scope=Scope.ORDERS),
    )
    async def claim_stock(
        self,
        info: Info,
        input: Annotated[ClaimStockInput, strawberry.argument(description="What to hold.")],
    ) -> ClaimStockPayload:
        context = info.context
        buyer = await named(context, input.user_id, input.external_id)
        claim = await context.claims.claim(
            input.sale,
            input.idempotency_key,
            user_id=claims.buyer(buyer, context.caller),
            now=context.clock.now(),
            asked=context.recorder.asked(Actor.of(context.principal)),
        )
        return ClaimStockPayload(claim=Claim.of(claim))

    @strawberry.mutation(
        description="Sell what is held with an order. After the hold it is sold while any is left.",
        extensions=roles(Role.ADMIN, Role.INTEGRATOR, scope=Scope.ORDERS),
    )
    async def confirm_claim(
        self,
        info: Info,
        input: Annotated[ConfirmClaimInput, strawberry.argument(description="Which claim.")],
    ) -> ConfirmClaimPayload:
        context = info.context
        claim = await selling.confirm(
            from_global("Claim", input.claim_id, "claimId"),
            input.order,
            user_id=None,
            stores=context.stores,
            rulebook=context.rulebook,
            now=context.clock.now(),
        )
        return ConfirmClaimPayload(claim=Claim.of(claim))

    @strawberry.mutation(
        description="Return to stock what was sold with an order that is cancelled.",
        extensions=roles(Role.ADMIN, Role.INTEGRATOR, scope=Scope.ORDERS),
    )
    async def return_claim(
        self,
        info: Info,
        input: Annotated[ReturnClaimInput, strawberry.argument(description="Which claim.")],
    ) -> ReturnClaimPayload:
        context = info.context
        claim = await selling.give_back(
            from_global("Claim", input.claim_id, "claimId"),
            input.order,
            stores=context.stores,
            now=context.clock.now(),
        )
        return ReturnClaimPayload(claim=Claim.of(claim))


@strawberry.type
class ClaimSubscriptions:
    @strawberry.subscription(
        description="What is left of a flash sale now, and again whenever that changes.",
        extensions=anyone(),
    )
    async def stock(self, info: Info, sale: Sale) -> AsyncIterator[Stock]:
        following = info.context.claims.follow(sale)
        async with aclosing(following):
            async for stock in following:
                yield Stock.of(stock)
