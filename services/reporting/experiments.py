"""What came of experiments: the arms of splits and holdouts beside their first."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.experiment import Experiment, Interval
from models.report import Count, Part, Row, Series
from services.reporting.comparing import deviation, difference, mismatch, ratio

UNLIKELY = 0.001  # so far from the shares, people are not dealt as they should be


@dataclass(frozen=True, slots=True)
class Arm:
    """What came of an arm. `beside` compares it with the first: the first has nothing.

    On a journey that is how much more of them reached the goal, in a promotion how many times as
    many of them ordered with it, as of everyone who could be dealt the first.
    """

    name: str
    share: float  # percent
    row: Row
    beside: Interval | None

    @property
    def rate(self) -> float | None:
        """Return how many of its people reached the goal."""
        people = self.row[Count.PEOPLE]
        return self.row[Count.CONVERTED] / people if people else None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an experiment, in a trigger or, in one currency, in a promotion.

    `chance` is how likely people are so far from the shares by chance.
    """

    part: Part
    name: str
    experiment: Experiment
    currency: str
    arms: Sequence[Arm]
    chance: float | None

    @property
    def is_skewed(self) -> bool:
        """Whether people are so far from the shares that chance is no explanation."""
        return self.chance is not None and self.chance < UNLIKELY


def outcomes(rows: Sequence[Row]) -> list[Outcome]:
    """Return what came of the experiments that rows of one campaign are about, in their order."""
    found: dict[tuple[Part, str, str, str], dict[str, Row]] = {}
    for row in rows:
        series = row.series
        if series.part in (Part.ARM, Part.PROMOTION_ARM):
            arm, _, currency = series.by.partition(" ")
            found.setdefault((series.part, series.name, series.step, currency), {})[arm] = row
    return [_outcome(*key, by_arm) for key, by_arm in found.items()]


def _outcome(part: Part, name: str, key: str, currency: str, by_arm: dict[str, Row]) -> Outcome:
    experiment = Experiment.read(key)
    series = Series("", part, name, key)
    rows = [by_arm.get(arm, Row(series, {})) for arm, _ in experiment.arms]
    shares = [float(share) for _, share in experiment.arms]
    z = deviation(len(rows) - 1)
    arms = [
        Arm(arm, share, row, _beside(part, row, share, rows[0], shares[0], z) if place else None)
        for place, ((arm, _), share, row) in enumerate(
            zip(experiment.arms, shares, rows, strict=True)
        )
    ]
    chance = mismatch([row[Count.PEOPLE] for row in rows], shares)
    return Outcome(part, name, experiment, currency, arms, chance)


def _beside(
    part: Part, row: Row, share: float, base: Row, base_share: float, z: float
) -> Interval | None:
    if part is Part.PROMOTION_ARM:
        return ratio(row[Count.PEOPLE], share, base[Count.PEOPLE], base_share, z)
    return difference(
        row[Count.CONVERTED],
        row[Count.PEOPLE],
        base[Count.CONVERTED],
        base[Count.PEOPLE],
        z,
    )
