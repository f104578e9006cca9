"""Which of 1,000 and of 10,000 promotions a cart fulfils: our index, a loop, a decision table.

(a) each names one of 50 countries beside three thresholds; (b) only thresholds, four each.

Run: python benchmarks/thousand_promotions.py
"""

import gc
import json
import random
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import zen
from _measure import medians, spell

import dsl
from dsl.core import AllOf, Apply, Const, Ref
from dsl.kinds import BOOL, NUMBER, TEXT, Kind, Money
from engine.matching import Condition, Index

COUNTRIES = [f"C{number}" for number in range(50)]
USD = Money("USD")
CARTS = 40

# Path, type, operator, and the bounds that promotions have.
Column = tuple[str, Kind, str, Sequence[Any]]
SUBTOTAL: Column = ("cart.subtotal", USD, ">=", range(500, 30_000, 25))
QUANTITY: Column = ("cart.quantity", NUMBER, ">=", range(1, 13))
POINTS: Column = ("user.points", NUMBER, ">=", range(0, 2000, 10))
HOUSEHOLD: Column = ("user.household_size", NUMBER, "<=", range(1, 9))
COUNTRY: Column = ("user.country", TEXT, "=", COUNTRIES)
CASES = {
    "(a) an equality and three thresholds each": (COUNTRY, SUBTOTAL, QUANTITY, POINTS),
    "(b) four thresholds each": (SUBTOTAL, QUANTITY, POINTS, HOUSEHOLD),
}


def carts(chance: random.Random) -> list[dict[str, Any]]:
    return [
        {
            "cart": {"subtotal": chance.randrange(500, 30_000), "quantity": chance.randint(1, 12)},
            "user": {
                "country": chance.choice(COUNTRIES),
                "points": chance.randrange(2000),
                "household_size": chance.randint(1, 8),
            },
        }
        for _ in range(CARTS)
    ]


def condition(columns: Sequence[Column], bounds: Sequence[Any]) -> AllOf:
    """Return what one promotion asks, as the checker gives it."""
    tests = []
    for (path, kind, operator, _), bound in zip(columns, bounds, strict=True):
        root, *rest = path.split(".")
        ref = Ref(root, tuple(rest), kind)
        tests.append(Apply(operator, (ref, Const(bound, kind)), BOOL))
    return AllOf(tuple(tests))


def decision_table(columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> zen.ZenDecision:
    """Return the same promotions as a decision table that collects the rows that hold."""
    places = [f"i{place}" for place in range(len(columns))]
    table = {
        "hitPolicy": "collect",
        "inputs": [
            {"id": place, "name": place, "field": column[0]}
            for place, column in zip(places, columns, strict=True)
        ],
        "outputs": [{"id": "o", "name": "o", "field": "promotion"}],
        "rules": [
            {
                "_id": f"r{number}",
                **{
                    place: json.dumps(bound) if column[2] == "=" else f"{column[2]} {bound}"
                    for place, column, bound in zip(places, columns, row, strict=True)
                },
                "o": str(number),
            }
            for number, row in enumerate(rows)
        ],
    }
    at = {"position": {"x": 0, "y": 0}}
    nodes = [
        {"id": "in", "type": "inputNode", "name": "in", "content": {}, **at},
        {"id": "table", "type": "decisionTableNode", "name": "table", "content": table, **at},
        {"id": "out", "type": "outputNode", "name": "out", "content": {}, **at},
    ]
    edges = [
        {"id": "1", "type": "edge", "sourceId": "in", "targetId": "table"},
        {"id": "2", "type": "edge", "sourceId": "table", "targetId": "out"},
    ]
    # Compiled beforehand: made of text, every call would parse the cells again.
    content = zen.ZenDecisionContent(json.dumps({"nodes": nodes, "edges": edges}))
    return zen.ZenEngine().create_decision(content)


def measure(columns: Sequence[Column], size: int) -> dict[str, float]:
    chance = random.Random(size)
    rows = [[chance.choice(column[3]) for column in columns] for _ in range(size)]
    asked = [condition(columns, row) for row in rows]
    program = dsl.Program()
    compiler = dsl.Compiler(program)
    moment = dsl.Moment(datetime(2026, 3, 5, tzinfo=UTC), "UTC", program)
    everyone = carts(chance)

    gc.collect()
    tracemalloc.start()
    index = Index(((at, (Condition(each),)) for at, each in enumerate(asked)), compiler)
    memory = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    started = time.process_time()
    Index(((at, (Condition(each),)) for at, each in enumerate(asked)), compiler)
    built = time.process_time() - started

    judges = [compiler.condition(each) for each in asked]
    table = decision_table(columns, rows)

    def by_index(facts: dict[str, Any]) -> list[int]:
        return index.match(facts, lambda _: moment)

    def by_loop(facts: dict[str, Any]) -> list[int]:
        return [at for at, judge in enumerate(judges) if judge(facts, moment)]

    def by_table(facts: dict[str, Any]) -> list[int]:
        return [row["promotion"] for row in table.evaluate(facts)["result"]]

    found = [by_index(facts) for facts in everyone]
    assert found == [by_loop(facts) for facts in everyone]
    assert found == [by_table(facts) for facts in everyone]
    print(
        f"  {size:,} promotions, {sum(map(len, found)) / CARTS:,.0f} of them hold on average;"
        f" the index was built in {spell(built)} and takes {memory / size:,.0f} bytes a rule"
    )

    def over_all(way: Callable[[dict[str, Any]], object]) -> Callable[[], object]:
        return lambda: [way(facts) for facts in everyone]

    ways = {"index": by_index, "loop over compiled rules": by_loop, "zen-engine table": by_table}
    taken = medians({name: over_all(way) for name, way in ways.items()}, rounds=7)
    return {name: seconds / CARTS for name, seconds in taken.items()}


def main() -> None:
    for title, columns in CASES.items():
        print(title)
        for size in (1000, 10_000):
            taken = measure(columns, size)
            for name, seconds in taken.items():
                ratio = seconds / taken["index"]
                print(f"    {name:26} {spell(seconds):>9} a cart   {ratio:6.1f} × the index")


if __name__ == "__main__":
    main()
