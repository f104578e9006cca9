"""What operators and functions compute, as MongoDB expressions. Arguments are never null."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, NoReturn

from dsl.moment import WEEKDAYS, Moment, anniversary
from dsl.mongo.terms import (
    Code,
    NotPushable,
    double,
    finite,
    has_type,
    integer,
    let,
    literal,
    or_empty,
    rounded,
    to_long,
    when,
)
from dsl.zones import DAY_MS, offsets

_EPOCH_DAY = date(1970, 1, 1).toordinal()
_FIRST_MS = (date.min.toordinal() - _EPOCH_DAY) * DAY_MS
_END_MS = (date.max.toordinal() + 1 - _EPOCH_DAY) * DAY_MS
_LEAP_YEAR = 2024


# --- numbers and money ---------------------------------------------------------------------------


def add_numbers(a: Code, b: Code) -> Code:
    return finite({"$add": [double(a), double(b)]})


def subtract_numbers(a: Code, b: Code) -> Code:
    return finite({"$subtract": [double(a), double(b)]})


def multiply_numbers(a: Code, b: Code) -> Code:
    return finite({"$multiply": [double(a), double(b)]})


def divide_numbers(a: Code, b: Code) -> Code:
    return _unless_zero(b, finite({"$divide": [double(a), double(b)]}))


def divide_money(a: Code, b: Code) -> Code:
    return _unless_zero(b, {"$divide": [double(a), double(b)]})


def round_number(number: Code) -> Code:
    # An integer is whole; as a double it could be another one.
    return when(has_type(number, "double"), rounded(number), number)


def add_money(a: Code, b: Code) -> Code:
    return integer({"$add": [a, b]})


def subtract_money(a: Code, b: Code) -> Code:
    return integer({"$subtract": [a, b]})


def scale(minor: Code, number: Code) -> Code:
    """Multiply exactly: 19 digits of money by 15 of a double fit a decimal's 34."""
    return to_long(rounded({"$multiply": [_decimal(minor), _decimal(number)]}))


def shrink(minor: Code, number: Code) -> Code:
    """Divide money by a number, rounding half away from zero."""
    return _unless_zero(number, to_long(_divide_decimals(_decimal(minor), _decimal(number))))


def _divide_decimals(dividend: Code, divisor: Code) -> Code:
    """Divide, and decide halves by the exact remainder: the quotient's 34 digits may hide it."""

    def divided(m: Code, n: Code) -> Code:
        def nearest(t: Code) -> Code:
            rest = {"$subtract": [m, {"$multiply": [t, n]}]}
            away = {"$gte": [{"$abs": {"$multiply": [rest, 2]}}, {"$abs": n}]}
            step = when({"$eq": [{"$lt": [m, 0]}, {"$lt": [n, 0]}]}, 1, -1)
            return {"$add": [t, when(away, step, 0)]}

        return let({"$trunc": {"$divide": [m, n]}}, nearest)

    return let(dividend, lambda m: let(divisor, lambda n: divided(m, n)))


def divide_whole(minor: Code, count: Code) -> Code:
    """Divide an integer by a positive one, halves away from zero."""
    return to_long(_divide_decimals(_decimal(minor), _decimal(count)))


def _decimal(code: Code) -> Code:
    return {"$toDecimal": code}


def _unless_zero(divisor: Code, quotient: Code) -> Code:
    return when({"$eq": [divisor, 0]}, None, quotient)


# --- text ----------------------------------------------------------------------------------------


def has_text(text: Code, part: Code) -> Code:
    return {"$gte": [{"$indexOfBytes": [text, or_empty(part, "")]}, 0]}


def starts_with(text: Code, part: Code) -> Code:
    return {"$eq": [{"$indexOfBytes": [text, or_empty(part, "")]}, 0]}


def ends_with(text: Code, part: Code) -> Code:
    length = {"$strLenCP": or_empty(part, "")}
    start = {"$subtract": [{"$strLenCP": or_empty(text, "")}, length]}
    return let(
        start,
        lambda s: when({"$gte": [s, 0]}, {"$eq": [{"$substrCP": [text, s, length]}, part]}, False),
    )


def is_among(one: Code, many: Code) -> Code:
    return {"$in": [one, or_empty(many, [])]}


def refuse(reason: str) -> Callable[..., NoReturn]:
    """Return the MongoDB side of what must not be pushed down."""

    def refused(*_: Code) -> NoReturn:
        raise NotPushable(reason)

    return refused


# --- instants and days ---------------------------------------------------------------------------


def move_instant(instant: Code, by: Code, sign: int) -> Code:
    """Move an instant by seconds, if that leaves it within the years 1 to 9999."""

    def moved(ms: Code) -> Code:
        few = {"$lt": [{"$abs": ms}, 2.0**53]}
        target = {"$add": [{"$toLong": instant}, {"$toLong": rounded(ms)}]}
        return when(few, let(target, lambda t: when(_in_calendar(t), {"$toDate": t})))

    return let({"$multiply": [double(by), sign * 1000.0]}, moved)


def move_date(day: Code, by: Code, sign: int) -> Code:
    """Move a date by the whole days in so many seconds."""
    days = {"$floor": {"$divide": [{"$multiply": [double(by), float(sign)]}, 86_400.0]}}
    target = {"$add": [ms_of_date(day), {"$multiply": [days, float(DAY_MS)]}]}
    return let(
        target,
        lambda t: when(
            _in_calendar(t), {"$dateToString": {"date": {"$toDate": t}, "format": "%Y-%m-%d"}}
        ),
    )


def _in_calendar(ms: Code) -> Code:
    return {"$and": [{"$gte": [ms, _FIRST_MS]}, {"$lt": [ms, _END_MS]}]}


def ms_of_date(day: Code) -> Code:
    """Return a valid date's midnight in UTC, in milliseconds since 1970."""
    return {"$toLong": {"$dateFromString": {"dateString": day, "format": "%Y-%m-%d"}}}


def local_ms(moment: Moment, instant: Code) -> Code:
    """Return what the clocks of the moment's zone show, as if it were UTC, in milliseconds.

    The offsets are written into the query: the database's own table of zones is as old as itself.
    """
    return let(
        {"$toLong": instant}, lambda ms: {"$add": [ms, offset_at(ms, [*offsets(moment.zone)], 0)]}
    )


def offset_at(ms: Code, history: list[tuple[int, int]], before: int) -> Code:
    """Return the offset at an instant: a balanced tree of comparisons."""
    if not history:
        return before
    middle = len(history) // 2
    since, ahead = history[middle]
    return when(
        {"$lt": [ms, since]},
        offset_at(ms, history[:middle], before),
        offset_at(ms, history[middle + 1 :], ahead),
    )


def _day_number(ms: Code) -> Code:
    return {"$floor": {"$divide": [ms, DAY_MS]}}


def hour(moment: Moment, instant: Code) -> Code:
    return let(
        local_ms(moment, instant),
        lambda ms: {
            "$floor": {
                "$divide": [
                    {"$subtract": [ms, {"$multiply": [_day_number(ms), DAY_MS]}]},
                    3_600_000,
                ]
            }
        },
    )


def days_since(moment: Moment, day: Code) -> Code:
    return _days_before_today(moment, ms_of_date(day))


def days_since_instant(moment: Moment, instant: Code) -> Code:
    return _days_before_today(moment, local_ms(moment, instant))


def _days_before_today(moment: Moment, ms: Code) -> Code:
    return {"$subtract": [moment.today.toordinal() - _EPOCH_DAY, _day_number(ms)]}


def weekday(day: Code) -> Code:
    return _weekday_of_ms(ms_of_date(day))


def weekday_of_instant(moment: Moment, instant: Code) -> Code:
    return _weekday_of_ms(local_ms(moment, instant))


def _weekday_of_ms(ms: Code) -> Code:
    # 1970 began on a Thursday; twice modulo, because MongoDB's remainder may be negative.
    number = {"$mod": [{"$add": [{"$mod": [{"$add": [_day_number(ms), 3]}, 7]}, 7]}, 7]}
    return {"$arrayElemAt": [literal(WEEKDAYS), {"$toInt": number}]}


def days_until(moment: Moment, day: Code) -> Code:
    """Look the days up by month and day: there are only 366 answers."""
    answers = [0] * (13 * 32)
    one = date(_LEAP_YEAR, 1, 1)
    while one.year == _LEAP_YEAR:
        answers[one.month * 32 + one.day] = moment.days_until(one)
        one += timedelta(days=1)
    index = {"$add": [{"$multiply": [_digits(day, 5, 2), 32]}, _digits(day, 8, 2)]}
    return {"$arrayElemAt": [literal(tuple(answers)), index]}


def years_since(moment: Moment, day: Code) -> Code:
    """Count anniversaries by the year, and by whether this year's is still to come."""
    today = moment.today
    month_day: Code = {"$substrBytes": [day, 5, 5]}
    if anniversary(date(_LEAP_YEAR, 2, 29), today.year).day == 28:
        month_day = when({"$eq": [month_day, "02-29"]}, "02-28", month_day)
    to_come = when({"$gt": [month_day, f"{today:%m-%d}"]}, 1, 0)
    return {"$subtract": [{"$subtract": [today.year, _digits(day, 0, 4)]}, to_come]}


def _digits(text: Code, start: int, length: int) -> Any:
    return {"$toInt": {"$substrBytes": [text, start, length]}}
