"""A completion, and how far up in the list it belongs."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class CompletionKind(StrEnum):
    """What a completion is, for the sign that an editor puts beside it."""

    DECLARATION = "declaration"
    CLAUSE = "clause"
    STEP = "step"
    KEYWORD = "keyword"
    OPERATOR = "operator"
    FACT = "fact"
    EVENT = "event"
    NAME = "name"
    FUNCTION = "function"
    UNIT = "unit"
    CURRENCY = "currency"
    VALUE = "value"


@dataclass(frozen=True, slots=True)
class Completion:
    """`insert` replaces the text from `start` to `end`, in code points."""

    label: str
    kind: CompletionKind
    detail: str = ""
    insert: str = ""
    documentation: str = ""
    start: int = 0
    end: int = 0


class Rank(IntEnum):
    """How likely it is that something is meant; the likeliest first."""

    FIRST = -1
    WANTED = 0
    NEAR = 1
    FOLLOWS = 2
    ROOT = 3
    FUNCTION = 4
    BEGINS = 5
    PLAIN = 6
    FAR = 7


@dataclass(frozen=True, slots=True)
class Offer:
    """Something that could stand here. `found` are further words under which it is found."""

    rank: Rank
    label: str
    kind: CompletionKind
    detail: str = ""
    insert: str = ""
    documentation: str = ""
    found: tuple[str, ...] = ()

    def matches(self, written: str) -> bool:
        """Whether what has been written so far is its beginning."""
        start = written.casefold()
        return any(word.casefold().startswith(start) for word in (self.label, *self.found))
