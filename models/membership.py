"""Who is in which segment, since when and why; and what is known of how segments are kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from models.feed import FeedEntry

# As a fact that has changed: everything may have.
ANYTHING = "*"


class CauseKind(StrEnum):
    EVENT = "event"
    DAY = "day"
    IMPORT = "import"
    PROFILE = "profile"
    PUBLICATION = "publication"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why someone has come in or gone: `of` is the event's id, the date, the publication's number.

    For a change of what is known of the person it is empty.
    """

    kind: CauseKind
    of: str = ""


PROFILE = Cause(CauseKind.PROFILE)
# What was imported starts nobody.
IMPORTED = Cause(CauseKind.IMPORT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """`number` is that of the filling which the segment's members come from."""

    segment: str
    number: int
    user_id: str
    since: datetime
    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Someone has come into a segment or gone from it. `id` is made once, when it is decided."""

    id: str
    segment: str
    number: int
    entered: bool
    at: datetime
    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A person to be looked at again, and why.

    `of` are the names of the facts that have changed; none: a day has begun. `changes_at` is the
    first instant at which time alone can change an answer. `moves` were decided and not carried
    out. `token` is another whenever anything has been noted since.
    """

    user_id: str
    at: datetime
    token: str | None = None
    of: frozenset[str] = frozenset()
    cause: Cause | None = None
    changes_at: datetime | None = None
    moves: tuple[Move, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """Segments that are being filled from everyone's facts as of `at`, beside those that are live.

    `after` is the last person looked at, None before the first.
    """

    number: int
    publication: int
    names: tuple[str, ...]
    at: datetime
    after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Which members count: those of the segments of `publication`, each filled under a number.

    `filled` is the last filling that has come to count, `dead` are members that no longer do and
    are to be deleted, `untold` is yet to be told to the feed.
    """

    publication: int = 0
    live: Mapping[str, int] = field(default_factory=dict)
    filling: Filling | None = None
    filled: int = 0
    dead: tuple[tuple[str, int], ...] = ()
    untold: tuple[FeedEntry, ...] = ()
    version: int = 0

    def frozen(self) -> frozenset[str]:
        """Return the segments that nobody enters or leaves until they have been filled."""
        return frozenset(self.filling.names) if self.filling else frozenset()
