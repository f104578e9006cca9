"""What a program says of points: how long they last, and the tiers they give."""

from dataclasses import dataclass
from datetime import UTC, datetime

from dsl.clauses import Length
from dsl.moment import add
from dsl.offers import Tier
from dsl.program import Program
from engine.memory import once_per_program

_NEVER = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Terms:
    """The tiers, the lowest first. `name` tells these terms from others."""

    tiers: tuple[Tier, ...] = ()
    zone: str = "UTC"
    name: str = ""


@once_per_program
def terms_of(program: Program) -> Terms:
    """Return the terms by which a program judges accounts."""
    tiers = program.loyalty.tiers if program.loyalty is not None else ()
    if not tiers:
        return Terms()
    written = (f"{t.name} {t.points} {t.within.count} {t.within.unit}" for t in tiers)
    return Terms(tiers, program.zone, "; ".join((*written, program.zone)))


def expiry(program: Program, at: datetime) -> datetime | None:
    """Return when points gained at `at` under this program expire, if they do."""
    if program.loyalty is None or program.loyalty.expire_after is None:
        return None
    return after(at, program.loyalty.expire_after, program.zone)


def after(at: datetime, length: Length, zone: str) -> datetime:
    """Add a length to an instant; what would be after all time is its end."""
    try:
        return add(at, length, zone)
    except OverflowError:
        return _NEVER
