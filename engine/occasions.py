"""When triggers start that start at a time: once, or every day, week or month."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from dsl.moment import WEEKDAYS
from dsl.program import Program
from dsl.triggers import AtTime, Every, Trigger
from dsl.zones import find_zone, instant_of, local_of

_OWN = "user"
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an occasion comes at one instant: for those whose own zone this is, or for everyone."""

    zone: str
    own: bool


@dataclass(frozen=True, slots=True)
class Occasion:
    """`local` is what clocks are to show, `at` the instant that this means in the place's zone.

    A time that clocks skip means the next valid instant, one that comes twice the first.
    """

    local: datetime
    at: datetime


def timed(program: Program) -> Iterator[Trigger]:
    """Yield the triggers of a program that start at a time."""
    for trigger in program.triggers.values():
        if isinstance(trigger.start, AtTime | Every):
            yield trigger


def places(trigger: Trigger, program: Program, zones: Collection[str]) -> list[Place]:
    """Return where a timed trigger starts, given the zones of people's own clocks.

    Whose zone is unknown, or is none, has the workspace's.
    """
    match trigger.start:
        case AtTime(local, zone) if local.tzinfo is not None or zone is None:
            return [Place(program.zone, own=False)]
        case AtTime(zone=zone) | Every(zone=zone) if zone == _OWN:
            known = {zone for zone in zones if find_zone(zone) is not None}
            return [Place(zone, own=True) for zone in sorted(known | {program.zone})]
        case AtTime(zone=zone) | Every(zone=zone):
            return [Place(zone or program.zone, own=False)]
        case _:
            return []


def next_occasion(trigger: Trigger, place: Place, after: datetime) -> Occasion | None:
    """Return the first occasion in a place strictly after an instant; None if there is no more."""
    match trigger.start:
        case AtTime(local):
            occasion = _at(local, place.zone)
            return occasion if occasion.at > after else None
        case Every() as every:
            return _next_of(every, place.zone, after)
        case _:
            return None


def _at(local: datetime, zone: str) -> Occasion:
    if local.tzinfo is not None:
        return Occasion(local.replace(tzinfo=None), local.astimezone(UTC))
    return Occasion(local, instant_of(local, zone))


def _next_of(every: Every, zone: str, after: datetime) -> Occasion:
    clock = time.fromisoformat(every.at)
    # Yesterday's may have been moved here by a clock change.
    day = local_of(after, zone).date() - _DAY
    while True:
        if _is_on(every, day):
            occasion = _at(datetime.combine(day, clock), zone)
            if occasion.at > after:
                return occasion
        day += _DAY


def _is_on(every: Every, day: date) -> bool:
    match every.unit:
        case "week":
            return every.on == WEEKDAYS[day.weekday()]
        case "month":
            last = (day + _DAY).month != day.month
            assert isinstance(every.on, int)
            return day.day == every.on or (last and day.day < every.on)
        case _:
            return True
