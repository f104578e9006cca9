"""The wallet. Each field is one call to a service."""

from typing import Annotated

import strawberry

from models.api_key import Scope
from resolvers.access import signed_in
from resolvers.naming import ExternalId, Whose, whose
from resolvers.paging import Paged
from schema.context import Info
from schema.offer import Offer, OwnCode
from schema.paging import Asked, Connection
from schema.quote import CartInput
from services import offers


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
        external_id: ExternalId = None,
    ) -> Connection[Offer] | None:
        context = info.context
        found = await offers.offers_for(
            await whose(context, user_id, external_id),
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
        external_id: ExternalId = None,
    ) -> Connection[OwnCode] | None:
        context = info.context
        stores, now = context.stores, context.clock.now()
        who = await whose(context, user_id, external_id)
        found = await offers.codes_for(
            who,
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
            count=lambda: stores.codes.count_of_user(who, now),
        )
