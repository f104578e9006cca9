"""A cart: what someone is about to buy, as the shop sent it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class CartLine:
    """Units of one thing. `price` and `floor` are minor units of the cart's currency, per unit.

    `fields` is what rules see of the item beside these: name, category, brand and the declared
    attributes, in stored form. No sku is the empty text, and missing to rules. `claim` is the unit
    of it that the buyer holds in a flash sale, `group` the complete one that they have it with.
    """

    sku: str
    price: int
    quantity: int
    floor: int = 0
    fields: Mapping[str, Any] = field(default_factory=dict)
    claim: str | None = None
    group: str | None = None

    @property
    def amount(self) -> int:
        return self.price * self.quantity


@dataclass(frozen=True, slots=True)
class Cart:
    """Lines in the order in which the shop sent them: where prices tie, the earlier line wins."""

    currency: str
    lines: tuple[CartLine, ...]
    shipping: int = 0
    codes: tuple[str, ...] = ()

    @property
    def subtotal(self) -> int:
        return sum(line.amount for line in self.lines)
