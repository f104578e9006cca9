"""What the demo has come to: segments, a cart, journeys, e-mails, time and memory."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dsl
from app import console, maintenance
from app.client import Client, accepted
from app.importer.load import Plan
from app.importer.tables import Basket
from app.up import Stack
from dsl.money import to_text
from models.store import Database, Stores
from schema.ids import to_global

_PREVIEW = "query ($name: String!) { segmentPreview(segment: $name, first: 1) { count } }"
_CANDIDATES = 150
_WHY = {
    "NOT_ACTIVE": "not at this time",
    "SIGN_IN": "nobody has signed in",
    "CODE": "its code was not given",
    "LIMIT": "it has been used up",
    "AUDIENCE": "it is not for this household",
    "WHEN": "its condition does not hold",
    "OUTDONE": "another one saves more",
    "NOTHING": "there is nothing in the basket for it",
}
_QUOTE = """
query ($input: QuoteCartInput!) {
  quoteCart(input: $input) {
    quote {
      subtotal { amount } total { amount }
      lines { applied { promotion amount { amount } } }
      shipping { price { amount } applied { promotion amount { amount } } }
      promotions { name saved { amount } reason { code } }
      whyNot(first: 100) { name reason { code } }
    }
    userErrors { code field message }
  }
}
"""


def show(
    stack: Stack, plan: Plan, source: str, people: Mapping[str, Client], *, took: float
) -> None:
    """Print the summary."""
    marketer = people["marketer@example.test"]
    console.note("\nPeople in each segment")
    for name, title in _segments(source):
        count = marketer.ask(_PREVIEW, name=name)["segmentPreview"]["count"]
        console.note(f"  {name:<20} {count:>6,}   {title}")
    _show_cart(plan, marketer)
    runs, messages = maintenance.with_database(stack.settings, _counts)
    console.note(f"\nJourneys started: {sum(runs.values()):,} ({_listed(runs)})")
    console.note(f"Messages: {_listed(messages)}")
    if left := maintenance.with_database(stack.settings, _left):
        console.note(f"{left:,} events still wait: the log of worker-1 says what keeps them.")
    points, people_with = maintenance.with_database(stack.settings, _points)
    console.note(f"Points earned: {points:,} by {people_with:,} households")
    if stack.mailbox:
        letters = len(list(stack.mailbox.glob("*.eml")))
        console.note(f"E-mails in the mailbox: {letters:,}")
    console.note(f"\nReady after {took:.0f} s; memory at most {_memory(stack) / 1024:.1f} GiB.")


async def _counts(database: Database) -> tuple[dict[str, int], dict[str, int]]:
    """Return the runs and the messages by state, once nothing is on its way any more."""
    stores = Stores.over(database)
    for _ in range(600):
        messages = await stores.effects.count_by_state()
        if not {"pending", "sending"} & messages.keys() and not await stores.events.count_pending():
            break
        await asyncio.sleep(0.1)
    return await stores.runs.count_by_state(), await stores.effects.count_by_state()


async def _left(database: Database) -> int:
    return await Stores.over(database).events.count_pending()


async def _points(database: Database) -> tuple[int, int]:
    return await Stores.over(database).points.earned()


def _segments(source: str) -> list[tuple[str, str]]:
    parsed = dsl.parse(dsl.SourceFile("groceries.rules", source))
    return [
        (declared.name, declared.title or "")
        for declared in dsl.outline(parsed.file)
        if declared.kind == "segment"
    ]


def _show_cart(plan: Plan, marketer: Client) -> None:
    """Ask what real baskets would have cost now, and show the one with most to say."""
    quotes = [(basket, _quote(basket, marketer)) for basket in _telling(plan)]
    if not quotes:
        return
    basket, quote = max(quotes, key=lambda each: len(_applied(each[1])))
    console.note(f"\nA basket of {basket.user_id}, bought on {basket.at:%d %B}, priced again")
    for item, line in zip(basket.items, quote["lines"], strict=True):
        name = f"{item['quantity']} × {item.get('category') or item['sku']}"
        _row(name, to_text(item["amount"], "USD"), _taken(line["applied"]))
    shipping = quote["shipping"]
    _row("shipping", shipping["price"]["amount"], _taken(shipping["applied"]))
    _row("to pay", quote["total"]["amount"], f"instead of {quote['subtotal']['amount']} + shipping")
    for promotion in quote["whyNot"]:
        code = promotion["reason"]["code"]
        console.note(f"  not {promotion['name']}: {_WHY.get(code, code.lower())}")


def _quote(basket: Basket, marketer: Client) -> dict[str, Any]:
    cart = {"currency": "USD", "lines": [_line(item) for item in basket.items], "shipping": "4.00"}
    asked = {"cart": cart, "userId": to_global("User", basket.user_id), "at": basket.at.isoformat()}
    quote: dict[str, Any] = accepted(marketer.ask(_QUOTE, input=asked)["quoteCart"])["quote"]
    return quote


def _applied(quote: Mapping[str, Any]) -> list[Any]:
    return [promotion for promotion in quote["promotions"] if promotion["reason"] is None]


def _line(item: Mapping[str, Any]) -> dict[str, Any]:
    unit = to_text(item["amount"] // item["quantity"], "USD")
    facts = {name: item.get(name) for name in ("sku", "category", "brand", "quantity")}
    return facts | {"price": unit, "attributes": {"department": item.get("department")}}


def _taken(applied: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"− {each['amount']['amount']} {each['promotion']}" for each in applied)


def _row(name: str, amount: str, remark: str) -> None:
    console.note(f"  {name[:40]:<40} {amount:>8}  {remark}".rstrip())


def _telling(plan: Plan) -> list[Basket]:
    """Return some baskets of the last week, of few lines and many kinds."""
    first = plan.baskets.before(plan.replay_starts)
    recent = [each for part in plan.baskets.slices(first, len(plan.baskets)) for each in part]
    small = [
        each
        for each in recent
        if 4 <= len(each.items) <= 10
        and each.total >= 4_000
        and all(_is_plain(item) for item in each.items)
    ]
    return sorted(small, key=lambda basket: -basket.total)[:_CANDIDATES]


def _is_plain(item: Mapping[str, Any]) -> bool:
    """Whether a line has a unit price in whole cents."""
    quantity: int = item["quantity"]
    return 0 < quantity <= 20 and item["amount"] % quantity == 0


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items())) or "none"


def _memory(stack: Stack) -> int:
    """Return the sum of the peaks of all our processes, in MiB: an upper bound."""
    processes = ["self", *map(str, stack.supervisor.pids().values())]
    return sum(_peak(Path("/proc") / process / "status") for process in processes)


def _peak(status: Path) -> int:
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
    except OSError:
        return 0
    return int(found[1]) // 1024 if found else 0
