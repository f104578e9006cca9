"""What the shop sells."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """The facts that rules may ask of an item, as the shop vouches for them.

    `price` and `floor` are in minor units of the workspace's currency.
    """

    sku: str
    name: str = ""
    category: str | None = None
    brand: str | None = None
    department: str | None = None
    size: str | None = None
    price: int | None = None
    floor: int | None = None
