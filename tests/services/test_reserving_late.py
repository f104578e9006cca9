"""Reservations that somebody else was quicker to have, between the quote and the order."""

import pytest

from models.errors import Conflict
from models.redemption import Redemption, Reserve, Reserved
from services import reserving, stocks
from services.claims import Claims

RULES = """
flash_sale midnight {
  active from 2026-03-01 to 2026-03-10
  sku "A" at 9.90 USD stock 1
  hold 10 minutes
}
"""


async def claim(shop, user):
    claims = Claims(shop.stores, shop.rulebook, fresh=0)
    return (await claims.claim("midnight", "k", user_id=user, now=shop.clock.now())).id


async def test_who_loses_the_last_unit_to_another_is_told_at_the_line(shop):
    await shop.publish(RULES)
    held = await claim(shop, "ann")
    shop.clock.turn(minutes=11)
    await stocks.look_after(shop.clock.now(), stores=shop.stores)
    await claim(shop, "bob")
    attempt = Redemption(
        id="attempt",
        order="o1",
        takings=(),
        at=shop.clock.now(),
        until=shop.clock.now(),
        user_id="ann",
        reserved=(Reserved(Reserve.CLAIM, held, line=3, price=990),),
    )

    with pytest.raises(Conflict) as refusal:
        await reserving.take(attempt, shop.stores, shop.rulebook)

    assert refusal.value.code == "SOLD_OUT"
    assert refusal.value.field == ("cart", "lines", "3", "claim")
