"""The wallet. Each field is one call to a service."""

from typing import Annotated

import strawberry

from models.api_key import Scope
from resolvers.access import signed_in
from resolvers.paging import Paged
from schema.context import Context, Info
from schema.ids import from_global
from schema.offer import Offer, OwnCode
from schema.paging import Asked, Connection
from schema.quote import CartInput
from services import offers

Whose = Annotated[
    strawberry.ID | None, strawberry.argument(description="Whose; the caller's if not given.")
]


@strawberry.type
class OfferQueries:
    @strawberry.field(
        description="Which promotions someone can use now, and what is missing for the rest: those "
        "that apply to the cart first, those that are used up last. Promotions for others, or "
        "behind a code that is not in the cart, are not among them. Customers ask for themselves: "
        "those of others are null to them.",
        extensions=[*signed_in(scope=Scope.PRICES), Paged(width=2)],
    )
    async def offers_for(
        self,
        info: Info,
        asked: Asked,
        cart: Annotated[
            CartInput | None,
            strawberry.argument(description="What is in their cart; else nothing is."),
        ] = None,
        user_id: Whose = None,
    ) -> Connection[Offer] | None:
        context = info.context
        found = await offers.offers_for(
            _whose(user_id, context),
            cart.document() if cart else None,
            asked.window,
            caller=context.caller,
            stores=context.stores,
            rulebook=context.rulebook,
            now=context.clock.now(),
        )

        async def count() -> int:
            return found.total

        return Connection[Offer].of(
            found.page,
            asked,
            node=lambda offer: Offer.of(offer, found.currency),
            position=lambda offer: offer.position,
            count=count,
        )

    @strawberry.field(
        description="The single-use codes that only this person can use, and still can, sorted by "
        "the code. Customers ask for themselves: those of others are null to them.",
        extensions=[*signed_in(scope=Scope.PRICES), Paged()],
    )
    async def codes_for(
        self,
        info: Info,
        asked: Asked,
        user_id: Whose = None,
    ) -> Connection[OwnCode] | None:
        context = info.context
        stores, now, whose = context.stores, context.clock.now(), _whose(user_id, context)
        found = await offers.codes_for(
            whose,
            asked.window,
            caller=context.caller,
            stores=stores,
            rulebook=context.rulebook,
            now=now,
        )
        return Connection[OwnCode].of(
            found,
            asked,
            node=OwnCode.of,
            position=lambda own: (own.code.key,),
            count=lambda: stores.codes.count_of_user(whose, now),
        )


def _whose(user_id: str | None, context: Context) -> str:
    return context.caller.user_id if user_id is None else from_global("User", user_id, "userId")
