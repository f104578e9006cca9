"""What happened before the till: carts filled and bought, and carts that were left. All made up."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from app.importer.shift import ZONE
from app.importer.tables import Basket

_LEFT_BEHIND = 0.08
_FACTS = ("sku", "category", "brand", "quantity")


@dataclass(frozen=True, slots=True)
class Cart:
    """The state of someone's cart when they last touched it. `total` is cents."""

    id: str
    user_id: str
    at: datetime
    total: int
    items: list[dict[str, Any]]


def carts(baskets: Iterable[Basket], *, until: datetime, seed: int) -> Iterator[Cart]:
    """Yield the cart that became each basket, and now and then one that became nothing."""
    for basket in baskets:
        random = Random(f"{seed}:{basket.id}")
        # Fuel is sold in thousandths, and some lines are corrections: neither is in a cart.
        lines = [item for item in basket.items if 1 <= item["quantity"] <= 100]
        if not lines:
            continue
        yield _cart("cart", basket, lines, basket.at - timedelta(seconds=random.randint(90, 2_400)))
        if random.random() < _LEFT_BEHIND:
            at = _in_the_daytime(basket.at + timedelta(hours=random.uniform(18, 70)), random)
            if at < until:
                some = random.sample(lines, random.randint((len(lines) + 1) // 2, len(lines)))
                yield _cart("left", basket, some, at)


def _cart(kind: str, basket: Basket, lines: list[dict[str, Any]], at: datetime) -> Cart:
    return Cart(
        id=f"{basket.id}-{kind}",
        user_id=basket.user_id,
        at=at,
        total=sum(item["amount"] for item in lines),
        items=[{name: item[name] for name in _FACTS if name in item} for item in lines],
    )


def _in_the_daytime(at: datetime, random: Random) -> datetime:
    """Move an instant of the night to the day before it: few people shop at four."""
    local = at.astimezone(ZONE)
    if 8 <= local.hour < 22:
        return at
    return local.replace(hour=random.randint(9, 21)).astimezone(at.tzinfo)
