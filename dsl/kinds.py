"""The language's types: what a fact, a literal or an expression can be.

A value's stored form is what both Python and MongoDB see:

    text str · number int or float · bool bool · money int (minor units) · percent number (15 = 15%)
    date "YYYY-MM-DD" · time "HH:MM" · timestamp aware datetime (BSON date) · duration seconds
"""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Text:
    """Text, of a closed set where `options` are given (`one of ["a", "b"]`)."""

    options: tuple[str, ...] | None = None

    def __str__(self) -> str:
        if self.options is None:
            return "text"
        return "one of [" + ", ".join(f'"{option}"' for option in self.options) + "]"


@dataclass(frozen=True, slots=True)
class Simple:
    """A type that is only its name: number, bool, date, time, timestamp, percent, duration."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Money:
    """Money of one currency; `currency` None stands for the cart's own (`cart.subtotal`)."""

    currency: str | None

    def __str__(self) -> str:
        return f"money {self.currency}" if self.currency else "money"


@dataclass(frozen=True, slots=True)
class ListOf:
    element: "Kind"

    def __str__(self) -> str:
        return f"list of {self.element}"


@dataclass(frozen=True, slots=True)
class Record:
    fields: tuple[tuple[str, "Kind"], ...]

    def get(self, name: str) -> "Kind | None":
        """Return the type of a field, or None if the record has no such field."""
        return dict(self.fields).get(name)

    def __str__(self) -> str:
        return "{ " + "  ".join(f"{name}: {kind}" for name, kind in self.fields) + " }"


Kind: TypeAlias = Text | Simple | Money | ListOf | Record

TEXT = Text()
NUMBER = Simple("number")
BOOL = Simple("bool")
DATE = Simple("date")
TIME = Simple("time")
TIMESTAMP = Simple("timestamp")
PERCENT = Simple("percent")
DURATION = Simple("duration")
