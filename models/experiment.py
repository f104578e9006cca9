"""Experiments: splits and holdouts, who was dealt which arm, and what the shares were then."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

HOLDOUT = "@holdout"  # what is held out is a split, too, of a name that rules cannot give
HELD_OUT, BEGUN = "held_out", "begun"


@dataclass(frozen=True, slots=True)
class Experiment:
    """A split as it is dealt: `arms` are names with shares in percent, in the order written.

    With other arms or other shares it is another experiment, whatever its name.
    """

    name: str
    arms: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, name: str, arms: Iterable[tuple[str, Decimal]]) -> Self:
        """Return a split of the rules."""
        return cls(name, tuple((arm, f"{share.normalize():f}") for arm, share in arms))

    @classmethod
    def holdout(cls, shares: Iterable[Decimal]) -> Self:
        """Return the experiment of those whom any of these shares holds out, and the others."""
        rest = Decimal(100)
        for share in shares:
            rest *= 1 - share / 100
        return cls.of(HOLDOUT, ((HELD_OUT, 100 - rest), (BEGUN, rest)))

    @property
    def key(self) -> str:
        """Return all of it in a line, as `size ten 50 fifteen 50`: names have no spaces."""
        return " ".join((self.name, *(word for arm in self.arms for word in arm)))

    @classmethod
    def read(cls, key: str) -> Self:
        """Return the experiment with this key."""
        name, *words = key.split(" ")
        return cls(name, tuple(zip(words[::2], words[1::2], strict=True)))


@dataclass(frozen=True, slots=True)
class Interval:
    """A value, and between which the true one is."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Dealt:
    """The arm of an experiment that someone was dealt at a time.

    Of several holdouts that make one experiment, `by` is whose holds them out: what it is named.
    """

    experiment: Experiment
    arm: str
    at: datetime
    by: str = ""

    def told(self) -> dict[str, Any]:
        """Return it as the feed tells of it."""
        arms = [{"arm": arm, "share": share} for arm, share in self.experiment.arms]
        told = {"split": self.experiment.name, "arm": self.arm, "arms": arms}
        return told | {"by": self.by} if self.by else told

    @classmethod
    def heard(cls, told: Mapping[str, Any], at: datetime) -> Self:
        """Return what the feed told."""
        arms = tuple((each["arm"], each["share"]) for each in told["arms"])
        return cls(Experiment(told["split"], arms), told["arm"], at, told.get("by", ""))
