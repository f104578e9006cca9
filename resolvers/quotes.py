"""What carts cost. The field is one call to a service."""

from typing import Annotated

import strawberry

from models.api_key import Scope
from resolvers.access import signed_in
from resolvers.naming import named
from schema.context import Info
from schema.ids import from_global
from schema.quote import Quote, QuoteCartInput, QuoteCartPayload
from services import quotes

Input = Annotated[
    QuoteCartInput, strawberry.argument(description="The cart, the buyer, the rules.")
]


@strawberry.type
class QuoteQueries:
    @strawberry.field(
        description="What a cart costs now under the rules that are live, and why.",
        extensions=signed_in(scope=Scope.PRICES),
    )
    async def quote_cart(self, info: Info, input: Input) -> QuoteCartPayload:
        context = info.context
        priced = await quotes.quote_cart(
            input.cart.document(),
            user_id=await named(info.context, input.user_id, input.external_id),
            points=input.redeem_points,
            trial=quotes.Trial(
                source=input.source,
                with_published=input.with_published,
                campaign_id=from_global("Campaign", input.campaign_id, "campaignId")
                if input.campaign_id
                else None,
                at=input.at,
            ),
            caller=context.caller,
            stores=context.stores,
            rulebook=context.rulebook,
            now=context.clock.now(),
        )
        return QuoteCartPayload(quote=Quote.of(priced.quote, priced))
