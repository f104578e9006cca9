"""What entries of the feed count as for experiments: people by arm, and what they did then."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from dsl.money import to_minor
from models.experiment import Dealt
from models.feed import FeedEntry
from models.report import Part, Series
from services.reporting.entries import Counts, hour_of, of_sales, taken_or_given_back


@dataclass
class Dealing(Counts):
    """What was ordered; who was dealt an arm and at which hour, and whose goal was reached then."""

    people: dict[tuple[Series, str], datetime] = field(default_factory=dict)
    goals: set[tuple[Series, str]] = field(default_factory=set)

    def deal(self, series: Series, user_id: str, at: datetime) -> None:
        """Note that someone was dealt an arm: the first time counts."""
        hour = hour_of(at)
        self.people[series, user_id] = min(hour, self.people.get((series, user_id), hour))


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
        if verb == "placed" and entry.user_id is not None:
            found.deal(series, entry.user_id, entry.at)
        for count, number in of_sales(verb, data, currency):
            found.add(series, entry.at, count, number)
        found.add(series, entry.at, taken_or_given_back(verb), amount)


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
