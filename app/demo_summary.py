"""What the demo has come to: segments, a cart, journeys, e-mails, time and memory."""

import re
from collections.abc import Mapping
from pathlib import Path

import dsl
from app import console, maintenance
from app.client import Client
from app.importer.load import Plan
from app.importer.tables import Basket
from app.up import Stack
from dsl.money import to_text
from models.store import Database, Stores
from schema.ids import to_global

_PREVIEW = "query ($name: String!) { segmentPreview(segment: $name, first: 1) { count } }"
_QUOTE = """
query ($input: QuoteCartInput!) {
  quoteCart(input: $input) {
    subtotal { amount } total { amount }
    lines { sku quantity discount { amount } applied { promotion amount { amount } } }
    promotions { name status saved { amount } reason { code clause } }
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
    _show_cart(plan, people["shop@example.test"])
    runs, messages = maintenance.with_database(stack.settings, _counts)
    console.note(f"\nJourneys started: {sum(runs.values()):,} ({_listed(runs)})")
    console.note(f"Messages: {_listed(messages)}")
    if stack.mailbox:
        letters = len(list(stack.mailbox.glob("*.eml")))
        console.note(f"E-mails in the mailbox: {letters:,}")
    console.note(f"\nReady after {took:.0f} s; memory at most {_memory(stack) / 1024:.1f} GiB.")


async def _counts(database: Database) -> tuple[dict[str, int], dict[str, int]]:
    stores = Stores.over(database)
    return await stores.runs.count_by_state(), await stores.effects.count_by_state()


def _segments(source: str) -> list[tuple[str, str]]:
    parsed = dsl.parse(dsl.SourceFile("groceries.rules", source))
    return [
        (declared.name, declared.title or "")
        for declared in dsl.outline(parsed.file)
        if declared.kind == "segment"
    ]


def _show_cart(plan: Plan, shop: Client) -> None:
    """Ask what a real basket of the last weeks would cost, and show who took what."""
    basket = _telling(plan)
    lines = [
        {
            "sku": item["sku"],
            "category": item.get("category"),
            "brand": item.get("brand"),
            "price": to_text(item["amount"] // item["quantity"], "USD"),
            "quantity": item["quantity"],
        }
        for item in basket.items
        if item["quantity"] > 0
    ]
    cart = {
        "userId": to_global("User", basket.user_id),
        "currency": "USD",
        "lines": lines,
        "shipping": "4.00",
    }
    quote = shop.ask(_QUOTE, input=cart)["quoteCart"]
    console.note(f"\nA basket of {basket.user_id}, {len(lines)} lines, priced again")
    for line, sent in zip(quote["lines"], lines, strict=True):
        taken = ", ".join(
            f"{each['promotion']} {each['amount']['amount']}" for each in line["applied"]
        )
        name = f"{sent['quantity']} × {sent['category'] or sent['sku']}"
        console.note(f"  {name:<36} {sent['price']:>8}   {'− ' + taken if taken else ''}")
    console.note(f"  {'before':<36} {quote['subtotal']['amount']:>8}")
    console.note(f"  {'with shipping, after':<36} {quote['total']['amount']:>8}")
    for promotion in quote["promotions"]:
        reason = promotion["reason"]
        why = f"not: {reason['code']} ({reason['clause']})" if reason else ""
        console.note(f"  {promotion['name']:<24} {why or 'saved ' + promotion['saved']['amount']}")


def _telling(plan: Plan) -> Basket:
    """Return the basket of the last weeks that shows most in few lines."""
    first = plan.baskets.before(plan.replay_starts)
    recent = [each for part in plan.baskets.slices(first, len(plan.baskets)) for each in part]
    small = [
        each
        for each in recent
        if 4 <= len(each.items) <= 12
        and each.total >= 5_000
        and all(0 < item["quantity"] <= 20 for item in each.items)
    ]

    def interest(basket: Basket) -> tuple[int, int]:
        categories = {item.get("category") for item in basket.items}
        wanted = {"COFFEE", "BAG SNACKS", "CANDY - PACKAGED", "DIAPERS & DISPOSABLES"}
        return len(categories & wanted), basket.total

    return max(small, key=interest)


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
