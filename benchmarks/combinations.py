"""The most combinations there are: 12 `best of` groups of 2, and promotions that follow.

With and without looking ahead, which must come to the same quote. CPU time.
"""

import random
import time
from datetime import UTC, datetime

import dsl
from engine.pricing import Pricing, Request, combinations
from engine.pricing.reading import read_cart
from models.quote import Quote

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
GROUPS = 12
CATEGORIES = 5
EVERY = 10**9
# What follows, and how many promotions and lines there are.
SIZES = ((20, 10), (100, 10), (20, 100))
KINDS = {
    "percentages and amounts": ("percent", "amount", "each"),
    "a sixth off the cheapest": ("percent", "amount", "percent", "amount", "each", "cheapest"),
    "units chosen too": ("percent", "amount", "each", "cheapest", "buy", "bundle"),
}


def main() -> None:
    print(f"{'':<28} followers lines   every one  looking ahead")
    for title, kinds in KINDS.items():
        for followers, lines in SIZES:
            asked = request(kinds, followers, lines)
            before, every = timed(asked, few=EVERY)
            after, quote = timed(asked, few=combinations.FEW)
            assert quote == every
            print(f"{title:<28} {followers:>9} {lines:>5} {before:>9.3f} s {after:>12.3f} s")


def timed(asked: Request, *, few: int) -> tuple[float, Quote]:
    """Return the CPU seconds of a quote, and the quote; up to `few` ways are all tried."""
    usual, combinations.FEW = combinations.FEW, few
    try:
        began = time.process_time()
        quote = Pricing(asked).quote()
        return time.process_time() - began, quote
    finally:
        combinations.FEW = usual


def request(kinds: tuple[str, ...], followers: int, lines: int) -> Request:
    chance = random.Random(1)
    parts = [
        f"promotion g{group}_{member} {{ {discount(chance)} best of g{group} priority 50 }}"
        for group in range(GROUPS)
        for member in range(2)
    ]
    parts += [
        f"promotion f{number} {{ {effect(chance, chance.choice(kinds))} priority 10 }}"
        for number in range(followers)
    ]
    checked = dsl.check([dsl.SourceFile("rules", "\n".join(parts))], dsl.Settings())
    assert checked.program is not None, checked.diagnostics
    sent = [
        {
            "price": f"{chance.uniform(3, 63):.2f}",
            "quantity": chance.randint(1, 3),
            "category": f"C{chance.randrange(CATEGORIES)}",
        }
        for _ in range(lines)
    ]
    cart = read_cart({"currency": "USD", "lines": sent}, checked.program)
    return Request(cart, {}, dsl.Moment(NOW, "UTC", checked.program))


def discount(chance: random.Random) -> str:
    off = chance.choice((f"{chance.randint(2, 9)}%", f"{chance.uniform(0.5, 4.5):.2f} USD"))
    return f"take {off} off {chance.choice(('cart', some(chance)))}"


def effect(chance: random.Random, kind: str) -> str:
    match kind:
        case "percent":
            return f"take {chance.randint(1, 6)}% off {chance.choice(('cart', some(chance)))}"
        case "amount":
            return f"take {chance.uniform(0.1, 2.1):.2f} USD off {some(chance)}"
        case "each":
            return f"take 3% off each {some(chance).replace('items', 'item')}"
        case "cheapest":
            return f"take {chance.randint(5, 30)}% off cheapest 2 {some(chance)}"
        case "buy":
            return f"buy 2 {some(chance)} get 1 {some(chance)} at 50% off"
        case _:
            price = chance.randint(10, 60)
            return f"bundle {{ 1 of {some(chance)} 1 of {some(chance)} }} for {price} USD"


def some(chance: random.Random) -> str:
    return f'items where category = "C{chance.randrange(CATEGORIES)}"'


if __name__ == "__main__":
    main()
