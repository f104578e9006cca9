"""A process that places orders until all of its own are placed: `placing URI DATABASE FROM TO`."""

import asyncio
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from dsl.money import to_text
from models.claim import Claim
from models.errors import Conflict
from models.store import Stores, connect
from services import orders
from services.claims import Claims
from services.jobs import Job
from services.orders import Placing, PriceChanged, Till
from services.rulebook import Rulebook

CALLERS = 16
PEOPLE = 40


class Now:
    def now(self) -> datetime:
        return datetime.now(UTC)

    wall = now


class Silence:
    async def ring(self, job: Job, args: Sequence[str]) -> None:
        """Nobody works here."""


def wanted(number: int, total: str, claim: Claim | None) -> Placing:
    line: dict[str, object] = {"sku": "A", "price": "10.00", "quantity": 2}
    if claim is not None:
        line["@claim"] = claim.id
    return Placing(
        key=f"o{number}",
        cart={"currency": "USD", "lines": [line]},
        total=Decimal(total),
        user_id=f"p{number % PEOPLE}",
    )


async def main(uri: str, database: str, numbers: range) -> None:
    stores = Stores.over(connect(uri, database))
    rulebook = Rulebook(stores)
    claims = Claims(stores, rulebook)
    till = Till(stores=stores, rulebook=rulebook, jobs=Silence(), clock=Now())
    waiting = iter(numbers)
    await asyncio.gather(*(caller(waiting, claims, till) for _ in range(CALLERS)))


async def held(number: int, claims: Claims) -> Claim | None:
    if number % 2:
        return None
    try:
        return await claims.claim(
            "night", f"k{number}", user_id=f"p{number % PEOPLE}", now=datetime.now(UTC)
        )
    except Conflict:  # sold out
        return None


async def caller(numbers: Iterator[int], claims: Claims, till: Till) -> None:
    for number in numbers:
        claim = await held(number, claims)
        total = "17.00"
        while True:
            try:
                answer = await orders.place(wanted(number, total, claim), till)
            except Conflict as error:
                if error.code == "KEY_USED":  # placed by an earlier life, at another price
                    break
                continue
            if not isinstance(answer, PriceChanged):
                break
            total = to_text(answer.quote.total, "USD")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], range(int(sys.argv[3]), int(sys.argv[4]))))
