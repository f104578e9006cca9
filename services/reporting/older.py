"""Entries of the feed as they are told now, where an earlier version told less.

What they lack follows from what is kept of it: a run's end, an effect's id, an order with the
publication it was placed under. Of a person who was erased since, some of that is gone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from models.errors import NotFound
from models.feed import FeedEntry
from models.run import Run
from models.store import Stores
from services import receipts
from services.rulebook import Rulebook

_MESSAGES = frozenset(("message", "call"))


async def completed(
    entries: Sequence[FeedEntry], *, stores: Stores, rulebook: Rulebook
) -> Sequence[FeedEntry]:
    """Return entries with all that is told today. Nothing is read if they have it, as most do."""
    runs = {run for entry in entries if (run := _lacking_run(entry))}
    orders = [entry for entry in entries if _lacks_arms(entry)]
    known = await stores.runs.find_many(sorted(runs)) if runs else {}
    told = await _orders(orders, stores, rulebook) if orders else {}
    return [_completed(entry, known, told) for entry in entries]


def _completed(
    entry: FeedEntry, runs: Mapping[str, Run], told: Mapping[str, FeedEntry]
) -> FeedEntry:
    noun = entry.type.partition(".")[0]
    if noun in _MESSAGES and _names("message", entry) and "step" not in entry.data:
        entry = _with(entry, step=entry.data["message"].partition(":")[2])
    run = runs.get(_lacking_run(entry) or "")
    if run is None:
        return told.get(entry.id, entry)
    if noun == "run":
        return _with(entry, held_out=run.reason == "held_out")
    return replace(_with(entry, trigger=run.trigger), campaign_id=run.campaign_id)


def _lacking_run(entry: FeedEntry) -> str | None:
    """Return the run that knows what an entry lacks, if it lacks something."""
    match entry.type.partition("."):
        case "run", _, _ if _names("run", entry) and "held_out" not in entry.data:
            return str(entry.data["run"])
        case "message", _, _ if _names("message", entry) and "trigger" not in entry.data:
            return str(entry.data["message"]).partition(":")[0]
        case "alert", _, "run_set_aside" if _names("run", entry) and "trigger" not in entry.data:
            return str(entry.data["run"])
        case _:
            return None


def _lacks_arms(entry: FeedEntry) -> bool:
    if not entry.type.startswith("order.") or not _names("order", entry):
        return False
    promotions = entry.data.get("promotions")
    return promotions is None or any("splits" not in each for each in promotions)


def _names(what: str, entry: FeedEntry) -> bool:
    """Whether an entry says what it is about: a bounce may be of no message that is known."""
    return isinstance(entry.data.get(what), str)


def _with(entry: FeedEntry, **more: Any) -> FeedEntry:
    return replace(entry, data={**entry.data, **more})


async def _orders(
    entries: Sequence[FeedEntry], stores: Stores, rulebook: Rulebook
) -> dict[str, FeedEntry]:
    orders = await stores.orders.find_many([entry.data["order"] for entry in entries])
    told: dict[str, FeedEntry] = {}
    for order in orders.values():
        try:
            published = await rulebook.version(order.publication)
        except NotFound:
            continue  # counting goes on without what nobody knows any more
        told |= {entry.id: entry for entry in receipts.retold(order, published)}
    return told
