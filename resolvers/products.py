"""Products. Each field is one call to a service."""

from typing import Annotated

import strawberry

from models.api_key import Scope
from models.principal import Role
from resolvers.access import roles
from schema.context import Info
from schema.product import UpsertProductsInput, UpsertProductsPayload
from services import products


@strawberry.type
class ProductMutations:
    @strawberry.mutation(
        description="Save what is known of products: carts that name one by its sku take its name, "
        "category, brand and floor from here, whatever they say themselves.",
        extensions=roles(Role.ADMIN, Role.INTEGRATOR, scope=Scope.PRODUCTS),
    )
    async def upsert_products(
        self,
        info: Info,
        input: Annotated[UpsertProductsInput, strawberry.argument(description="Which ones.")],
    ) -> UpsertProductsPayload:
        stores = info.context.stores
        currency = (await stores.workspace.get()).currency
        saved = await products.upsert(
            [each.product(place, currency) for place, each in enumerate(input.products)],
            stores=stores,
        )
        return UpsertProductsPayload(saved=saved)
