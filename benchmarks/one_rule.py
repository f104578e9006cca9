"""What judging one rule of six conditions costs, beside code written by hand and other engines.

Run: python benchmarks/one_rule.py
"""

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import rule_engine
import zen
from _measure import medians, spell
from cel_expr_python import cel

import dsl
from dsl.core import AllOf, Last

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
COUNTRIES = frozenset(("US", "CA", "DE"))
RULE = """
attributes user { country: text  unsubscribed: bool }
promotion coffee {
  for user.country in ["US", "CA", "DE"] and user.tier = "gold"
    and count(order_placed, last 90 days) >= 3 and not user.unsubscribed
  when cart.subtotal >= 50 USD and any(cart.items where category = "COFFEE")
  take 5% off cart
}
"""


def facts(time: Callable[[datetime], Any], start: datetime) -> dict[str, Any]:
    """A cart of five lines, a user with five orders: every condition is true."""
    categories = ("TEA", "MILK", "BREAD", "COFFEE", "FRUIT")
    return {
        "user": {"id": "u1", "country": "DE", "tier": "gold", "unsubscribed": False},
        "cart": {
            "currency": "USD",
            "subtotal": 7400,
            "items": [
                {"sku": f"S{at}", "category": category, "price": 500, "quantity": 2}
                for at, category in enumerate(categories)
            ],
        },
        "events": {
            "order_placed": [
                {"time": time(NOW - timedelta(days=days)), "total": 1000}
                for days in (200, 80, 60, 40, 5)
            ]
        },
        "start": time(start),
        "now": time(NOW),
    }


def by_hand(facts: dict[str, Any]) -> bool:
    """Write it as one does who knows that nothing is missing."""
    cart, user, start, now = facts["cart"], facts["user"], facts["start"], facts["now"]
    return (
        cart["subtotal"] >= 5000
        and user["country"] in COUNTRIES
        and user["tier"] == "gold"
        and any(item["category"] == "COFFEE" for item in cart["items"])
        and sum(1 for order in facts["events"]["order_placed"] if start <= order["time"] <= now)
        >= 3
        and not user["unsubscribed"]
    )


def by_hand_with_loops(facts: dict[str, Any]) -> bool:
    """Write it as one does who has measured it: loops instead of generators."""
    cart, user = facts["cart"], facts["user"]
    if cart["subtotal"] < 5000 or user["country"] not in COUNTRIES or user["tier"] != "gold":
        return False
    for item in cart["items"]:
        if item["category"] == "COFFEE":
            break
    else:
        return False
    start, now, orders = facts["start"], facts["now"], 0
    for order in facts["events"]["order_placed"]:
        if start <= order["time"] <= now:
            orders += 1
    return orders >= 3 and not user["unsubscribed"]


def main() -> None:
    checked = dsl.check([dsl.SourceFile("rule", RULE)])
    assert checked.program is not None, checked.diagnostics
    promotion = checked.program.promotions["coffee"]
    assert isinstance(promotion.when, AllOf)
    assert isinstance(promotion.audience, AllOf)
    total, coffee = promotion.when.operands
    condition = AllOf(
        (total, *promotion.audience.operands[:2], coffee, *promotion.audience.operands[2:])
    )
    moment = dsl.Moment(NOW, "UTC", checked.program)
    start = moment.start_of(Last(90, "day"))
    assert start is not None
    judge = dsl.compiled(condition, checked.program)
    # Not every engine takes datetimes; all others are given milliseconds, which are quicker.
    ours, theirs = facts(lambda at: at, start), facts(lambda at: int(at.timestamp() * 1000), start)

    names = ("user", "cart", "events", "start", "now")
    in_cel = cel.NewEnv(variables=dict.fromkeys(names, cel.Type.DYN)).compile(
        'cart.subtotal >= 5000 && user.country in ["US", "CA", "DE"] && user.tier == "gold"'
        ' && cart.items.exists(i, i.category == "COFFEE")'
        " && events.order_placed.filter(o, o.time >= start && o.time <= now).size() >= 3"
        " && !user.unsubscribed"
    )
    in_zen = zen.compile_expression(
        'cart.subtotal >= 5000 and user.country in ["US", "CA", "DE"] and user.tier == "gold"'
        ' and some(cart.items, #.category == "COFFEE")'
        " and count(events.order_placed, #.time >= start and #.time <= now) >= 3"
        " and not(user.unsubscribed)"
    )
    in_rule_engine = rule_engine.Rule(
        'cart["subtotal"] >= 5000 and user["country"] in ["US", "CA", "DE"]'
        ' and user["tier"] == "gold"'
        ' and [i for i in cart["items"] if i["category"] == "COFFEE"].length > 0'
        ' and [o for o in events["order_placed"] if o["time"] >= start and o["time"] <= now].length'
        ' >= 3 and not user["unsubscribed"]'
    )
    ways: dict[str, Callable[[], object]] = {
        "compiled": lambda: judge(ours, moment),
        "by hand": lambda: by_hand(ours),
        "by hand, with loops": lambda: by_hand_with_loops(ours),
        "interpreter (the oracle)": lambda: dsl.holds(condition, ours, moment),
        "cel-expr-python": lambda: in_cel.eval(data=theirs).value(),
        "zen-engine": lambda: in_zen.evaluate(theirs),
        "rule-engine": lambda: in_rule_engine.matches(theirs),
    }
    assert all(way() is True for way in ways.values())
    taken = medians(ways, rounds=25, repeats=2000)
    for name, seconds in taken.items():
        ratio = seconds / taken["by hand"]
        print(f"{name:26} {spell(seconds):>9}   {ratio:8.2f} × by hand")


if __name__ == "__main__":
    main()
