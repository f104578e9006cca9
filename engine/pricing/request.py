"""What one quote is asked for: the cart, who asks, what is used up and what is paused."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dsl import Moment
from engine.pricing.plan import fold_code
from engine.pricing.turn import Facts
from engine.pricing.usage import UNUSED, Usage, Used
from models.cart import Cart


@dataclass(frozen=True, slots=True)
class Request:
    """`facts` are those of the buyer; without `user` among them nobody is signed in.

    `unlocked` names the promotions of which a valid single-use code was given, `paused` those that
    are not to apply for now.
    """

    cart: Cart
    facts: Mapping[str, Any]
    moment: Moment
    usage: Usage = field(default_factory=dict)
    unlocked: frozenset[str] = frozenset()
    paused: frozenset[str] = frozenset()

    @property
    def signed_in(self) -> bool:
        return self.facts.get("user") is not None

    @property
    def user_id(self) -> str:
        return str((self.facts.get("user") or {}).get("id", ""))

    def used(self, name: str) -> Used:
        """Return the uses of a promotion, or of a campaign's budget."""
        return self.usage.get(name, UNUSED)

    def codes(self) -> frozenset[str]:
        """Return the codes given, as they are compared."""
        return frozenset(fold_code(code) for code in self.cart.codes)

    def seen(self) -> Facts:
        """Return the facts as the first promotion sees them."""
        user = self.facts.get("user") or {}
        return {**self.facts, "user": user, "cart": cart_facts(self.cart)}


def cart_facts(cart: Cart) -> dict[str, Any]:
    """Return what rules see of a cart before any promotion."""
    items = [
        {
            **line.fields,
            **({"sku": line.sku} if line.sku else {}),
            "price": line.price,
            "quantity": line.quantity,
            "amount": line.price * line.quantity,
            "floor": line.floor,
        }
        for line in cart.lines
    ]
    subtotal = sum([item["amount"] for item in items])
    return {
        "currency": cart.currency,
        "subtotal": subtotal,
        "remaining": subtotal,
        "quantity": sum([line.quantity for line in cart.lines]),
        "shipping": cart.shipping,
        "codes": list(cart.codes),
        "items": items,
    }


def with_remaining(facts: Facts, remaining: int) -> Facts:
    """Return the facts as a promotion sees them when so much is left to pay."""
    return {**facts, "cart": {**facts["cart"], "remaining": remaining}}
