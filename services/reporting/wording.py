"""What came of experiments, in sentences: for those who read no tables."""

from collections.abc import Iterator

from dsl.money import to_text
from models.experiment import Interval
from models.report import Count, Part
from services.reporting.experiments import Arm, Outcome


def in_words(outcome: Outcome) -> list[str]:
    """Say how the arms of an experiment did, a sentence for each, as a colleague would."""
    return list(_sentences(outcome))


def _sentences(outcome: Outcome) -> Iterator[str]:
    for arm in outcome.arms:
        offers = outcome.part is Part.PROMOTION_ARM
        yield _of_promotion(outcome, arm) if offers else _of_journey(outcome, arm)
    if outcome.is_skewed and outcome.part is Part.ARM:
        yield (
            f"People are not dealt as the shares say (p = {outcome.chance:.2g}): something keeps "
            "them away from an arm, and what the arms did cannot be compared."
        )


def _of_journey(outcome: Outcome, arm: Arm) -> str:
    people = arm.row[Count.PEOPLE]
    if arm.rate is None:
        return f"`{arm.name}`: nobody yet."
    rate = (
        f"`{arm.name}`: {arm.rate:.1%} of {_counted(people, 'person', 'people')} reached the goal"
    )
    if (beside := arm.beside) is None:
        return f"{rate}."
    verdict = "" if outcome.is_skewed else f": {_verdict(beside, 0, 'did better', 'did worse')}"
    span = f"{_points(beside.low)} to {_points(beside.high)}"
    first = outcome.arms[0].name
    return f"{rate}, {_points(beside.value)} points beside `{first}` ({span}){verdict}."


def _of_promotion(outcome: Outcome, arm: Arm) -> str:
    row, currency = arm.row, outcome.currency
    orders = row[Count.ORDERS]
    if not orders:
        return f"`{arm.name}`: no orders yet."

    def money(minor: int) -> str:
        return f"{to_text(minor, currency)} {currency}"

    said = (
        f"`{arm.name}`: {_counted(orders, 'order', 'orders')} of "
        f"{_counted(row[Count.PEOPLE], 'person', 'people')}, {money(row[Count.REVENUE] // orders)} "
        f"each, for {money(row[Count.DISCOUNT])} off"
    )
    if (beside := arm.beside) is None:
        return f"{said}."
    verdict = _verdict(beside, 1, "drew more people", "drew fewer people")
    span = f"{beside.low:.2f} to {beside.high:.2f}"
    first = outcome.arms[0].name
    return (
        f"{said}; {beside.value:.2f} times as many people as `{first}` for its share ({span}): "
        f"{verdict}."
    )


def _verdict(found: Interval, even: float, better: str, worse: str) -> str:
    if found.low > even:
        return f"it {better}"
    return f"it {worse}" if found.high < even else "that may be chance"


def _points(value: float) -> str:
    return f"{value * 100:+.1f}"


def _counted(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"
