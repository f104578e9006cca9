"""How long a quote takes: 10 lines, 1,000 published promotions, 30 of which apply effects.

Beside it, the same promotions in zen-engine, which only says which of them match.

Run: python benchmarks/quote.py
"""

import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import zen
from _measure import medians, spell

import dsl
from engine.pricing import Pricing, Request
from engine.pricing.candidates import Sieve
from engine.pricing.reading import read_cart
from models.cart import Cart

ROUNDS = 2000
CARTS = 50
PUBLISHED, MATCHING = 1_000, 30
FILE = 250  # promotions in a file
NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
COUNTRIES = ("US", "CA", "DE", "FR", "ES", "IT", "PL", "SE", "NL", "AT")
SOLD = ("COFFEE", "TEA", "MILK", "BREAD", "FRUIT")
OTHERS = tuple(f"AISLE {number}" for number in range(45))
BUYER = {"id": "u1", "country": "DE", "tier": "gold", "points": 900, "unsubscribed": False}

EFFECTS = (
    "take 3% off cart",
    'take 10% off items where category = "{category}"',
    "take 1 USD off cart",
    'take 0.20 USD off each item where category = "{category}"',
    'take 1 USD off items where category = "{category}" and price >= 3 USD',
    'buy 2 items where category = "{category}" get 1 items where category = "{category}" free',
    "take 5% off cheapest 2 items up to 1 USD",
    "take off cart by cart.subtotal {{ from 50 USD: 1% from 100 USD: 2% }}",
    'price items where category = "{category}" at 7.99 USD',
    'bundle {{ 1 of items where category = "{category}"'
    ' 1 of items where category = "{other}" }} for 6 USD',
    "take 10% off shipping",
    "award 1 point per 10 USD of cart.subtotal",
    'take 20% off each item where category = "{category}" up to 2 USD',
)
# How the 30 that match combine: all together, or from each of some groups only one.
GROUPS = {
    "all combine": (),
    "two groups of 2": (2, 2),
    "three groups of 2, 2 and 3": (2, 2, 3),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What one promotion asks of the buyer and the cart."""

    countries: tuple[str, ...]
    tier: str
    orders: int
    points: int
    subtotal: int  # in USD
    category: str

    def clauses(self) -> str:
        """Return it as rules."""
        countries = ", ".join(f'"{country}"' for country in self.countries)
        return (
            f'for user.country in [{countries}] and user.tier = "{self.tier}"'
            f" and user.points >= {self.points} and not user.unsubscribed"
            f" and count(order_placed, last 90 days) >= {self.orders}"
            f" when cart.subtotal >= {self.subtotal} USD"
            f' and any(cart.items where category = "{self.category}")'
        )

    def cells(self) -> dict[str, str]:
        """Return it as a row of a decision table; orders are counted beforehand."""
        return {
            "country": ", ".join(f'"{country}"' for country in self.countries),
            "tier": f'"{self.tier}"',
            "points": f">= {self.points}",
            "unsubscribed": "false",
            "orders": f">= {self.orders}",
            "subtotal": f">= {self.subtotal * 100}",
            "categories": f'contains($, "{self.category}")',
        }

    def expression(self) -> str:
        """Return it as an expression that counts the orders itself."""
        return (
            f'user.country in {json.dumps(self.countries)} and user.tier == "{self.tier}"'
            f" and user.points >= {self.points} and not user.unsubscribed"
            f" and count(orders, #.time > start) >= {self.orders}"
            f" and cart.subtotal >= {self.subtotal * 100}"
            f' and some(cart.items, #.category == "{self.category}")'
        )


def asked_by_all(chance: random.Random) -> list[Asked]:
    """30 that every cart fulfils, and others, each of which asks for more than it has."""
    found = []
    for number in range(PUBLISHED):
        fulfilled = Asked(
            countries=("DE", *chance.sample(COUNTRIES, 2)),
            tier="gold",
            orders=chance.randrange(4),
            points=chance.randrange(0, 900, 10),
            subtotal=chance.randrange(10, 30),
            category=chance.choice(SOLD),
        )
        if number % PUBLISHED < MATCHING:
            found.append(fulfilled)
            continue
        lacking = chance.choice(
            (
                {"countries": tuple(chance.sample([c for c in COUNTRIES if c != "DE"], 3))},
                {"tier": chance.choice(("silver", "bronze"))},
                {"orders": chance.randrange(6, 20)},
                {"points": chance.randrange(1000, 5000, 10)},
                {"subtotal": chance.randrange(900, 2000)},
                {"category": chance.choice(OTHERS)},
            )
        )
        found.append(replace(fulfilled, **lacking))
    return found


def whatever_the_subtotal(asked: Sequence[Asked]) -> list[Asked]:
    """Return the same, but that those that lack a subtotal lack a tier: more units reach none."""
    highest = max(each.subtotal for each in asked[:MATCHING])
    return [
        replace(each, subtotal=highest, tier="silver") if each.subtotal > highest else each
        for each in asked
    ]


def sources(asked: Sequence[Asked], groups: Sequence[int], chance: random.Random) -> list[str]:
    """Return the promotions as files; the first of those that match are in the groups."""
    member_of = [f"best of g{at}" for at, size in enumerate(groups) for _ in range(size)]
    promotions = []
    for number, each in enumerate(asked):
        effect = EFFECTS[number % len(EFFECTS)].format(
            category=SOLD[number % len(SOLD)], other=SOLD[(number + 1) % len(SOLD)]
        )
        group = member_of[number] if number < len(member_of) else ""
        priority = f"priority {chance.randrange(-5, 6)}"
        promotions.append(f"promotion p{number} {{ {each.clauses()} {effect} {group} {priority} }}")
    texts = ["attributes user { country: text unsubscribed: bool }"]
    return texts + ["\n".join(promotions[at : at + FILE]) for at in range(0, len(asked), FILE)]


def published(asked: Sequence[Asked], groups: Sequence[int], chance: random.Random) -> dsl.Program:
    """Return the promotions as they are published."""
    texts = sources(asked, groups, chance)
    checked = dsl.check([dsl.SourceFile(f"{at}.rules", text) for at, text in enumerate(texts)])
    assert checked.program is not None, [each.message for each in checked.diagnostics]
    return checked.program


def orders(now: datetime = NOW) -> list[dict[str, Any]]:
    """Return five orders, four of them in the last 90 days."""
    return [{"time": now - timedelta(days=days), "total": 1000} for days in (5, 40, 60, 80, 200)]


def requests(program: dsl.Program, chance: random.Random) -> list[Request]:
    """Return carts of ten lines of the same buyer."""
    facts = {"user": BUYER, "events": {"order_placed": orders()[::-1]}}
    moment = dsl.Moment(NOW, "UTC", program)
    found = []
    for _ in range(CARTS):
        lines = [
            {
                "sku": f"S{at}",
                "category": SOLD[at % len(SOLD)],
                "price": f"{chance.randint(200, 1500) / 100:.2f}",
                "quantity": chance.choice((1, 1, 2, 3, 6)),
            }
            for at in range(10)
        ]
        cart = read_cart({"currency": "USD", "lines": lines, "shipping": "4.90"}, program)
        found.append(Request(cart, facts, moment))
    return found


def multiplied(request: Request, units: int) -> Request:
    """Return the same cart with so many units of each line."""
    lines = tuple(replace(line, quantity=units) for line in request.cart.lines)
    return replace(request, cart=replace(request.cart, lines=lines))


def price(request: Request) -> object:
    """Return what a cart costs."""
    return Pricing(request).quote()


def match(request: Request) -> object:
    """Return the promotions that may apply to a cart."""
    return Sieve.of(request).candidates()


def near_misses(request: Request) -> object:
    """Return what a cart costs, and why what nearly applied did not."""
    pricing = Pricing(request)
    return pricing.quote(), pricing.tell().near()


def quantiles(ask: Callable[[Request], object], carts: Sequence[Request]) -> tuple[float, float]:
    """Return the median and the 99th percentile of the CPU time of one quote, in seconds."""
    for request in carts:
        ask(request)
    taken = []
    for round_ in range(ROUNDS):
        started = time.process_time()
        ask(carts[round_ % len(carts)])
        taken.append(time.process_time() - started)
    taken.sort()
    return taken[ROUNDS // 2], taken[ROUNDS * 99 // 100]


def seen_by_zen(cart: Cart) -> dict[str, Any]:
    """Return a cart and its buyer as zen-engine takes them."""
    return {
        "user": {**BUYER, "orders": 4},
        "orders": [{"time": order["time"].timestamp()} for order in orders()],
        "start": (NOW - timedelta(days=90)).timestamp(),
        "cart": {
            "subtotal": cart.subtotal,
            "categories": sorted({line.fields["category"] for line in cart.lines}),
            "items": [
                {
                    "category": line.fields["category"],
                    "price": line.price,
                    "quantity": line.quantity,
                }
                for line in cart.lines
            ],
        },
    }


def zen_table(asked: Sequence[Asked]) -> str:
    """Return the conditions as one decision table that collects the rows that hold."""
    names = list(asked[0].cells())
    owner = {"subtotal": "cart", "categories": "cart"}
    table = {
        "hitPolicy": "collect",
        "inputs": [
            {"id": name, "name": name, "field": f"{owner.get(name, 'user')}.{name}"}
            for name in names
        ],
        "outputs": [{"id": "o", "name": "o", "field": "promotion"}],
        "rules": [
            {"_id": f"r{number}", **each.cells(), "o": str(number)}
            for number, each in enumerate(asked)
        ],
    }
    return _document("decisionTableNode", table)


def zen_node(asked: Sequence[Asked]) -> str:
    """Return the conditions as the expressions of one node."""
    expressions = [
        {"id": str(number), "key": str(number), "value": each.expression()}
        for number, each in enumerate(asked)
    ]
    return _document("expressionNode", {"expressions": expressions})


def _document(kind: str, content: dict[str, Any]) -> str:
    at = {"position": {"x": 0, "y": 0}}
    nodes = [
        {"id": "in", "type": "inputNode", "name": "in", "content": {}, **at},
        {"id": "node", "type": kind, "name": "node", "content": content, **at},
        {"id": "out", "type": "outputNode", "name": "out", "content": {}, **at},
    ]
    edges = [
        {"id": "1", "type": "edge", "sourceId": "in", "targetId": "node"},
        {"id": "2", "type": "edge", "sourceId": "node", "targetId": "out"},
    ]
    return json.dumps({"nodes": nodes, "edges": edges})


def zen_ways(asked: Sequence[Asked]) -> dict[str, Callable[[dict[str, Any]], list[int]]]:
    """Return zen-engine's ways to find those that match; in all of them a cart is one dict.

    A table finds the orders counted and the categories listed, expressions count and look.
    """
    engine, table = zen.ZenEngine(), zen_table(asked)
    compiled = engine.create_decision(zen.ZenDecisionContent(table))
    plain = engine.create_decision(table)
    node = engine.create_decision(zen.ZenDecisionContent(zen_node(asked)))
    alone = [zen.compile_expression(each.expression()) for each in asked]

    def rows(decision: zen.ZenDecision, facts: dict[str, Any]) -> list[int]:
        return [row["promotion"] for row in decision.evaluate(facts)["result"]]

    return {
        "zen-engine, a table compiled beforehand": partial(rows, compiled),
        "zen-engine, a table": partial(rows, plain),
        "zen-engine, a node of expressions": lambda facts: sorted(
            int(key) for key, held in node.evaluate(facts)["result"].items() if held is True
        ),
        "zen-engine, compiled expressions": lambda facts: [
            at for at, each in enumerate(alone) if each.evaluate(facts)
        ],
    }


def main() -> None:
    asked = asked_by_all(random.Random(7))
    ways: dict[str, tuple[Callable[[Request], object], list[Request]]] = {}
    for title, groups in GROUPS.items():
        ways[title] = (price, _carts(asked, groups))
    usual = ways["all combine"][1]
    ways["with near misses"] = (near_misses, usual)
    many = _carts(whatever_the_subtotal(asked))
    for units in (1, 2, 1_000, 1_000_000):
        ways[f"{units:,} of each"] = (price, [multiplied(each, units) for each in many])
    for way, (ask, carts) in ways.items():
        assert all(len(Sieve.of(each).candidates()) == MATCHING for each in carts)
        middle, slow = quantiles(ask, carts)
        print(f"{way:42} p50 {spell(middle):>9}   p99 {spell(slow):>9}")
    beside_zen(asked, usual)


def _carts(asked: Sequence[Asked], groups: Sequence[int] = ()) -> list[Request]:
    return requests(published(asked, groups, random.Random(7)), random.Random(7))


def beside_zen(asked: Sequence[Asked], carts: Sequence[Request]) -> None:
    """Print what matching takes zen-engine, beside ours alone and whole quotes of these carts."""
    facts = [seen_by_zen(request.cart) for request in carts]
    theirs = zen_ways(asked)
    everyone = list(range(MATCHING))
    for find in theirs.values():
        assert all(find(each) == everyone for each in facts)
    taken = medians(
        {
            "quote": lambda: [price(each) for each in carts],
            "matching alone": lambda: [match(each) for each in carts],
            **{way: partial(_all, find, facts) for way, find in theirs.items()},
        },
        rounds=5,
    )
    for way, seconds in taken.items():
        quotes, matches = seconds / taken["quote"], seconds / taken["matching alone"]
        print(
            f"{way:42} {spell(seconds / CARTS):>9} a cart,"
            f" {quotes:.1f} × a quote, {matches:.1f} × matching"
        )


def _all(find: Callable[[dict[str, Any]], list[int]], facts: Sequence[dict[str, Any]]) -> object:
    return [find(each) for each in facts]


if __name__ == "__main__":
    main()
