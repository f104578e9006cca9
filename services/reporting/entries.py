"""What entries of the feed count as, for reports."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from dsl.money import to_minor
from models.feed import FeedEntry
from models.report import Count, Part, Series

# What became of a message or a call, by the verb of its entry.
_MESSAGES = {
    verb: Count(verb)
    for verb in (
        *("sent", "skipped", "failed", "unknown", "bounced", "complained", "opened", "clicked"),
    )
}


@dataclass
class Counts:
    """What entries come to, by series and hour."""

    counts: dict[tuple[Series, datetime], dict[Count, int]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(int))
    )

    def add(self, series: Series, at: datetime, count: Count, number: int = 1) -> None:
        """Count something. Nothing is left out that is 0, so that rows are few."""
        if number:
            self.counts[series, hour_of(at)][count] += number


@dataclass
class Counted(Counts):
    """Besides, who began a journey, at which hour, and which templates were sent."""

    people: dict[tuple[str, str], datetime] = field(default_factory=dict)
    templates: dict[Series, str] = field(default_factory=dict)


def hour_of(at: datetime) -> datetime:
    """Return when the hour began that a time is in."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def counted(entries: Iterable[FeedEntry]) -> Counted:
    """Return what entries of the feed come to."""
    found = Counted()
    for entry in entries:
        noun, _, verb = entry.type.partition(".")
        match noun, verb:
            case "run", _:
                _run(entry, verb, found)
            case "alert", "run_set_aside":
                found.add(_journey(entry), entry.at, Count.SET_ASIDE)
            case (("message" | "call"), _):
                _message(entry, verb, found)
            case "order", _:
                _order(entry, verb, found)
            case _:
                pass
    return found


def _journey(entry: FeedEntry) -> Series:
    return Series(entry.campaign_id or "", Part.JOURNEY, entry.data.get("trigger", ""))


def _run(entry: FeedEntry, verb: str, found: Counted) -> None:
    series, held_out = _journey(entry), bool(entry.data.get("held_out"))
    match verb:
        case "started":
            found.add(series, entry.at, Count.HELD_OUT if held_out else Count.STARTED)
            if not held_out and entry.user_id is not None:
                found.people.setdefault((series.campaign, entry.user_id), hour_of(entry.at))
        case "converted":
            count = Count.HELD_OUT_CONVERTED if held_out else Count.CONVERTED
            found.add(series, entry.at, count)
        case "ended" if not held_out:
            done = entry.data.get("state") == "done"
            found.add(series, entry.at, Count.FINISHED if done else Count.EXITED)
        case _:
            pass


def _message(entry: FeedEntry, verb: str, found: Counted) -> None:
    data, count = entry.data, _MESSAGES.get(verb)
    if count is None:
        return
    series = Series(
        entry.campaign_id or "",
        Part.MESSAGE,
        data.get("trigger", ""),
        data.get("step", ""),
        data.get("channel", ""),
    )
    found.add(series, entry.at, count)
    if data.get("template"):
        found.templates[series] = data["template"]


def _order(entry: FeedEntry, verb: str, found: Counted) -> None:
    """Count an order for each campaign whose promotions took part in it."""
    data, currency = entry.data, entry.data.get("currency", "")
    shares = list(_shares(data, currency))
    for campaign, name, amount in shares:
        promotion = Series(campaign, Part.PROMOTION, name, by=currency)
        if verb == "placed":
            found.add(promotion, entry.at, Count.REDEMPTIONS)
        found.add(promotion, entry.at, taken_or_given_back(verb), amount)
    for campaign in sorted({campaign for campaign, _, _ in shares}):
        sales = Series(campaign, Part.SALES, by=currency)
        for count, number in of_sales(verb, data, currency):
            found.add(sales, entry.at, count, number)


def taken_or_given_back(verb: str) -> Count:
    """Return as what a promotion's share of an order counts."""
    return Count.DISCOUNT if verb == "placed" else Count.GIVEN_BACK


def of_sales(verb: str, data: Mapping[str, Any], currency: str) -> Iterator[tuple[Count, int]]:
    """Yield what an order's entry says of sales, in minor units of a currency."""
    match verb:
        case "placed":
            yield Count.ORDERS, 1
            yield Count.REVENUE, to_minor(data["total"], currency)
        case "returned":
            yield Count.REFUNDED, to_minor(data["refund"], currency)
        case "cancelled":
            yield Count.CANCELLED, 1
            yield Count.REFUNDED, to_minor(data["undone"], currency)
        case _:
            pass


def _shares(data: Mapping[str, Any], currency: str) -> Iterator[tuple[str, str, int]]:
    for each in data.get("promotions", ()):
        yield each["campaign"] or "", each["promotion"], to_minor(each["amount"], currency)
