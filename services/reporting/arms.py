"""What entries of the feed count as for experiments: people by arm, and what they did then."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from dsl.money import to_minor
from models.experiment import Dealt
from models.feed import FeedEntry
from models.report import Count, Part, Series
from services.reporting.entries import hour_of


@dataclass
class Dealing:
    """Who was dealt an arm and at which hour, whose goal was reached then, and what was ordered."""

    people: dict[tuple[Series, str], datetime] = field(default_factory=dict)
    goals: set[tuple[Series, str]] = field(default_factory=set)
    orders: dict[tuple[Series, datetime], dict[Count, int]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(int))
    )

    def deal(self, series: Series, user_id: str, at: datetime) -> None:
        """Note that someone was dealt an arm: the first time counts."""
        hour = hour_of(at)
        self.people[series, user_id] = min(hour, self.people.get((series, user_id), hour))

    def add(self, series: Series, at: datetime, count: Count, number: int = 1) -> None:
        """Count something of orders."""
        if number:
            self.orders[series, hour_of(at)][count] += number


def dealt(entries: Iterable[FeedEntry]) -> Dealing:
    """Return what entries of the feed tell of arms."""
    found = Dealing()
    for entry in entries:
        noun, _, verb = entry.type.partition(".")
        if noun == "run" and entry.user_id is not None:
            _run(entry, entry.user_id, verb, found)
        elif noun == "order":
            _order(entry, verb, found)
    return found


def _run(entry: FeedEntry, user_id: str, verb: str, found: Dealing) -> None:
    for told in entry.data.get("splits", ()):
        each = Dealt.heard(told, entry.at)
        series = Series(
            entry.campaign_id or "",
            Part.ARM,
            entry.data.get("trigger", ""),
            each.experiment.key,
            each.arm,
        )
        # Whoever reached a goal was dealt the arm before, though that may be told later.
        found.deal(series, user_id, entry.at)
        if verb == "converted":
            found.goals.add((series, user_id))


def _order(entry: FeedEntry, verb: str, found: Dealing) -> None:
    data, currency = entry.data, entry.data.get("currency", "")
    for series, amount in _arms(entry, currency):
        match verb:
            case "placed":
                if entry.user_id is not None:
                    found.deal(series, entry.user_id, entry.at)
                found.add(series, entry.at, Count.ORDERS)
                found.add(series, entry.at, Count.REVENUE, to_minor(data["total"], currency))
                found.add(series, entry.at, Count.DISCOUNT, amount)
            case "returned":
                found.add(series, entry.at, Count.REFUNDED, to_minor(data["refund"], currency))
                found.add(series, entry.at, Count.GIVEN_BACK, amount)
            case "cancelled":
                found.add(series, entry.at, Count.CANCELLED)
                found.add(series, entry.at, Count.REFUNDED, to_minor(data["undone"], currency))
                found.add(series, entry.at, Count.GIVEN_BACK, amount)
            case _:
                pass


def _arms(entry: FeedEntry, currency: str) -> Iterator[tuple[Series, int]]:
    for each in entry.data.get("promotions", ()):
        amount = to_minor(each["amount"], currency)
        for told in each.get("splits", ()):
            arm = Dealt.heard(told, entry.at)
            yield (
                Series(
                    each["campaign"] or "",
                    Part.PROMOTION_ARM,
                    each["promotion"],
                    arm.experiment.key,
                    f"{arm.arm} {currency}",
                ),
                amount,
            )
