"""How long a quote takes: a cart of 10 lines, 100 published promotions, 30 of them candidates.

Run: python benchmarks/quote.py
"""

import random
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import dsl
from engine.pricing import Request, quote
from engine.pricing.candidates import Sieve
from engine.pricing.plan import plan
from engine.pricing.reading import read_cart

ROUNDS = 1000
NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
CATEGORIES = ("COFFEE", "TEA", "MILK", "BREAD", "FRUIT")

EFFECTS = (
    "take 3% off cart",
    'take 10% off items where category = "{category}"',
    'take 0.20 USD off each item where category = "{category}"',
    'take 1 USD off items where category = "{category}" and price >= 3 USD',
    'buy 2 items where category = "{category}" get 1 items where category = "{category}" free',
    "take 5% off cheapest 2 items up to 1 USD",
    "take off cart by cart.subtotal {{ from 50 USD: 1% from 100 USD: 2% }}",
    "take 10% off shipping",
    'bundle {{ 1 of items where category = "{category}" 1 of items }} for 6 USD',
    "award 1 point per 10 USD of cart.subtotal",
)


def rules() -> str:
    """100 promotions: 30 match the cart, the others need more, a code, or another time."""
    promotions = []
    for number in range(100):
        effect = EFFECTS[number % len(EFFECTS)].format(category=CATEGORIES[number % 5])
        match number % 10:
            case 0 | 1 | 2:
                clause = "when cart.subtotal >= 20 USD"
            case 3 | 4 | 5:
                clause = f"when cart.subtotal >= {900 + number} USD"
            case 6 | 7:
                clause = f'code "CODE{number}"'
            case 8:
                clause = 'when any(cart.items where category = "CAVIAR")'
            case _:
                clause = "active from 2027-01-01"
        promotions.append(f"promotion p{number} {{ {clause} {effect} priority {number % 7} }}")
    return "\n".join(promotions)


def main() -> None:
    checked = dsl.check([dsl.SourceFile("bench.rules", rules())])
    assert checked.program is not None, [each.message for each in checked.diagnostics]
    program = checked.program
    chance = random.Random(7)
    requests = []
    for _ in range(50):
        lines = [
            {
                "sku": f"S{at}",
                "category": CATEGORIES[at % 5],
                "price": f"{chance.randint(100, 1500) / 100:.2f}",
                "quantity": chance.choice((1, 1, 2, 3, 6)),
            }
            for at in range(10)
        ]
        cart = read_cart({"currency": "USD", "lines": lines, "shipping": "4.90"}, program)
        requests.append(Request(cart, {}, dsl.Moment(NOW, "UTC", program)))
    sieve = Sieve.of(requests[0])
    candidates = sum(sieve.stops(planned) is None for planned in plan(program).turns)
    for explained in (False, True):
        taken = []
        for round_ in range(ROUNDS):
            request = requests[round_ % len(requests)]
            started = time.process_time()
            quote(request, explained=explained)
            taken.append(1e6 * (time.process_time() - started))
        taken.sort()
        reasons = "with reasons" if explained else "without reasons"
        print(
            f"10 lines, 100 promotions, {candidates} candidates, {reasons}: "
            f"p50 {taken[ROUNDS // 2]:,.0f} µs, p99 {taken[ROUNDS * 99 // 100]:,.0f} µs"
        )


if __name__ == "__main__":
    main()
