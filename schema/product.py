"""Products in the API."""

from decimal import Decimal

import strawberry

from dsl.money import to_minor
from models.errors import Invalid
from models.product import Product
from schema.payloads import Payload


@strawberry.input(description="What the shop sells, and what rules may ask of it.")
class ProductInput:
    sku: str = strawberry.field(description="What carts name it by.")
    name: str = strawberry.field(default="", description="What people call it.")
    category: str | None = strawberry.field(default=None, description="What kind of thing it is.")
    brand: str | None = strawberry.field(default=None, description="Who makes it.")
    price: Decimal | None = strawberry.field(
        default=None, description="Of one unit, in the workspace's currency."
    )
    floor: Decimal | None = strawberry.field(
        default=None, description="Below this no promotion takes a unit's price."
    )

    def product(self, place: int, currency: str) -> Product:
        """Return it as the services take it."""
        return Product(
            sku=self.sku,
            name=self.name,
            category=self.category,
            brand=self.brand,
            price=_minor(self.price, currency, ("products", str(place), "price")),
            floor=_minor(self.floor, currency, ("products", str(place), "floor")),
        )


def _minor(amount: Decimal | None, currency: str, field: tuple[str, ...]) -> int | None:
    try:
        return None if amount is None else to_minor(amount, currency)
    except ValueError as error:
        raise Invalid(str(error), field=field) from None


@strawberry.input(description="Products to insert, or to replace by their sku: at most 1,000.")
class UpsertProductsInput:
    products: list[ProductInput] = strawberry.field(description="In any order.")


@strawberry.type(description="What came of it.")
class UpsertProductsPayload(Payload):
    saved: int | None = strawberry.field(default=None, description="How many.")
