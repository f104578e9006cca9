"""Random typed expressions, and random documents to judge them on, many of them ill-typed."""

from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random

from hypothesis import strategies as st

import dsl
from dsl.core import (
    Aggregate,
    AllOf,
    AnyOf,
    Apply,
    Const,
    EventSource,
    Ever,
    InSegment,
    Last,
    ListSource,
    Not,
    Now,
    Ref,
    Since,
    This,
    Today,
)
from dsl.kinds import (
    BOOL,
    DATE,
    DURATION,
    NUMBER,
    PERCENT,
    TEXT,
    TIME,
    TIMESTAMP,
    ListOf,
    Money,
    Record,
    Text,
)
from dsl.program import Program, Segment

USD = Money("USD")
CHOICE = Text(("red", "grün", "$blue"))
LINE = Record(
    (("k", TEXT), ("q", NUMBER), ("a", USD), ("d", DATE), ("c", CHOICE), ("labels", ListOf(TEXT)))
)
SCALARS = (
    *(("n", NUMBER), ("m", USD), ("s", TEXT), ("c", CHOICE), ("b", BOOL)),
    *(("d", DATE), ("t", TIME), ("ts", TIMESTAMP), ("p", PERCENT)),
)
PLAIN = Record(
    (*SCALARS, ("tags", ListOf(TEXT)), ("nums", ListOf(NUMBER)), ("items", ListOf(LINE)))
)
EVENT = Record((*PLAIN.fields, ("box", Record((("items", ListOf(LINE)), ("n", NUMBER))))))
USER = Record((*EVENT.fields, ("consent", Record((("email", BOOL), ("sms", BOOL)))), ("id", TEXT)))
EVENTS = {"e": EVENT, "f": PLAIN}
NOW = datetime(2026, 3, 29, 10, 30, tzinfo=UTC)
NOWS = (
    NOW,
    datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    datetime(2024, 2, 29, 23, 59, 59, 999_000, tzinfo=UTC),
    datetime(2026, 12, 31, 12, tzinfo=UTC),
    datetime(2026, 2, 28, 12, tzinfo=UTC),
)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Kiritimati")

# --- stored values -------------------------------------------------------------------------------

WORDS = ("", "a", "ab", "red", "grün", "$blue", "$s", "ſ", "\U0001f600", "a\0b", "Ab\n", "monday")
NUMBERS = (
    *(0, 1, 2, 3, -1, 10, 12, 0.5, -0.5, 1.5, 2.5, 0.285, 0.1, 0.2, 1e-7, 100.0, 3.0, -0.0),
    *(2**31, 2**53 + 1, 2**63 - 1, -(2**63), 1e15, 1e300, 1.7e308, 5e-324, 9.3e12),
    0.49999999999999994,
)
ODD_NUMBERS = (float("nan"), float("inf"), float("-inf"))
AMOUNTS = (0, 1, -1, 99, 100, 1050, -1050, 333, 2**31, 2**53 + 1, 2**63 - 1, -(2**63))
DATES = (
    *("2026-03-29", "2026-03-28", "2026-02-28", "2024-02-29", "1980-02-29", "2000-12-31"),
    *("2026-01-01", "0001-01-01", "9999-12-31", "1900-01-01", "2025-03-30"),
)
BAD_DATES = ("2026-02-30", "2026-3-1", "0000-01-01", "20260301", "2026-03-01T00:00", "2026-03-01\n")
TIMES = ("00:00", "09:30", "23:59")
BAD_TIMES = ("24:00", "9:30", "09:60", "09:30:00")
INSTANTS = (
    *NOWS,
    *(now + timedelta(milliseconds=1) for now in NOWS),
    *(now - timedelta(days=days) for now in NOWS[:2] for days in (1, 6, 7, 28, 30, 90)),
    datetime(2026, 3, 29, 0, 59, 59, 999_000, tzinfo=UTC),
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(1969, 12, 31, 23, tzinfo=UTC),
    datetime(1850, 6, 1, tzinfo=UTC),
    datetime(2500, 6, 1, 12, tzinfo=UTC),
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, tzinfo=UTC),
)
SPANS = (
    *(Last(count, "day") for count in (1, 2, 7, 30)),
    *(Last(1, "week"), Last(1, "month"), Last(12, "month"), Last(2, "hour"), Last(30, "minute")),
    *(This(unit) for unit in ("day", "week", "month", "year")),
    *(Since("2026-03-01"), Since("2024-02-29"), Since("0001-01-01"), Ever()),
)
_STARTS = [dsl.Moment(now, zone).start_of(span) for now in NOWS for zone in ZONES for span in SPANS]
# Where a window starts, a millisecond earlier, now and after it: what is there shows most.
EVENT_TIMES = [
    *(
        start - timedelta(milliseconds=early)
        for start in _STARTS
        if start and start.year > 1900
        for early in (0, 1)
    ),
    *(now + timedelta(milliseconds=late) for now in NOWS for late in (0, 1)),
    *(now - timedelta(hours=hours) for now in NOWS for hours in range(1, 60, 7)),
]
JUNK = (None, True, False, 0, 7, 1.5, "", "x", [], [1], ["a"], {}, {"k": "a"}, NOW, [[1]])

_NUMBER = st.sampled_from(NUMBERS) | st.integers(-5, 5) | st.floats(-100, 100)
_AMOUNT = st.sampled_from(AMOUNTS) | st.integers(-5000, 5000)
_INSTANT = st.sampled_from(INSTANTS)


def crowd(seed, size):
    """Return facts of so many people, each stored value with a chance to be of a wrong type."""
    random = Random(seed)
    return [
        {
            "user": {**_document(random, USER), "id": f"u{place}"},
            "events": {name: _events(random, record) for name, record in EVENTS.items()},
        }
        for place in range(size)
    ]


def _events(random, record):
    pool = random.sample(EVENT_TIMES, 3)  # so few that some events share their time
    return [
        {**_document(random, record), "time": random.choice(pool)}
        for _ in range(random.choice((0, 1, 2, 3, 6)))
    ]


def _document(random, record):
    return {name: _stored(random, kind) for name, kind in record.fields if random.random() < 0.85}


def _stored(random, kind):
    if random.random() < 0.12:
        return random.choice(JUNK)
    match kind:
        case Text(None):
            return random.choice(WORDS)
        case Text(options):
            return random.choice((*options, "other"))
        case Money():
            return random.choice((random.choice(AMOUNTS), random.randint(-5000, 5000)))
        case ListOf(element):
            return [_stored(random, element) for _ in range(random.choice((0, 1, 2, 3, 5)))]
        case Record():
            return _document(random, kind)
    return random.choice(_POOLS[kind])


_POOLS = {
    NUMBER: (*NUMBERS, *ODD_NUMBERS, *range(-3, 4)),
    PERCENT: NUMBERS,
    BOOL: (True, False),
    DATE: (*DATES, *BAD_DATES),
    TIME: (*TIMES, *BAD_TIMES),
    TIMESTAMP: INSTANTS,
}


# --- expressions ---------------------------------------------------------------------------------


@cache
def _constants(kind):
    match kind:
        case Text(None):
            values = st.sampled_from(WORDS)
        case Text(options):
            values = st.sampled_from(options)
        case Money():
            values = _AMOUNT
        case _:
            values = {
                NUMBER: _NUMBER,
                PERCENT: _NUMBER,
                BOOL: st.booleans(),
                DATE: st.sampled_from(DATES),
                TIME: st.sampled_from(TIMES),
                TIMESTAMP: _INSTANT,
                DURATION: st.sampled_from((0, 60, 3600, 86_400, 7 * 86_400, 10**12)),
            }[kind]
    return values.map(lambda value: Const(value, kind))


def _paths(record, kind, prefix=()):
    for name, field in record.fields:
        if field == kind:
            yield (*prefix, name)
        if isinstance(field, Record):
            yield from _paths(field, kind, (*prefix, name))


@cache
def _refs(kind, element):
    found = [Ref("user", path, kind) for path in _paths(USER, kind)]
    if isinstance(element, Record):
        found += 3 * [Ref("element", path, kind) for path in _paths(element, kind)]
    elif element == kind:
        found.append(Ref("element", (), kind))
    return st.sampled_from(found) if found else st.nothing()


_WINDOWS = st.sampled_from(SPANS)


@cache
def _sources(element):
    """Return sources of aggregates, each with the type of its elements."""
    found = [
        (EventSource("e"), EVENT),
        (EventSource("f"), PLAIN),
        (EventSource("e", ("items",)), LINE),
        (EventSource("e", ("box", "items")), LINE),
        (EventSource("f", ("nums",)), NUMBER),
        (EventSource("f", ("tags",)), TEXT),
    ]
    roots = [("user", USER)]
    if isinstance(element, Record):
        roots += 4 * [("element", element)]
    for root, record in roots:
        for kind in (LINE, NUMBER, TEXT):
            for path in _paths(record, ListOf(kind)):
                found.append((ListSource(Ref(root, path, ListOf(kind))), kind))
    return st.sampled_from(found)


@st.composite
def aggregates(draw, kind, element, depth):
    """Return an aggregate of this type."""
    source, kind_of_elements = draw(_sources(element))
    functions = {NUMBER: ["count", "distinct"], BOOL: ["any"]}.get(kind, [])
    if kind == NUMBER or isinstance(kind, Money):
        functions = [*functions, "sum", "avg"]
    if not isinstance(kind, Text) and kind != BOOL:
        functions = [*functions, "min", "max"]
    function = draw(st.sampled_from([*functions, "latest", "earliest"]))
    value = ()
    if function not in ("count", "any"):
        wanted = draw(st.sampled_from([k for _, k in SCALARS])) if function == "distinct" else kind
        if isinstance(kind_of_elements, Record):
            paths = list(_paths(kind_of_elements, wanted))
            if wanted == TIMESTAMP and isinstance(source, EventSource) and not source.nested:
                paths.append(("time",))
        else:
            paths = [()] if kind_of_elements == wanted else []
        if not paths:
            return draw(_constants(kind))
        value = draw(st.sampled_from(paths))
    where = draw(st.none() | conditions(kind_of_elements, depth - 1)) if depth > 0 else None
    window = draw(_WINDOWS) if isinstance(source, EventSource) else None
    return Aggregate(function, source, value, where, window, kind)


@cache
def values(kind, element=None, depth=2):
    """Return expressions of this type."""
    leaves = [_constants(kind), *4 * [_refs(kind, element)]]
    if kind == TIMESTAMP:
        leaves.append(st.just(Now()))
    if kind == DATE:
        leaves.append(st.just(Today()))
    if depth <= 0:
        return st.one_of(leaves)
    deeper = [*leaves, aggregates(kind, element, depth)]

    for operator, *kinds in _applications(kind):
        arguments = st.tuples(*(values(one, element, depth - 1) for one in kinds))
        deeper.append(arguments.map(lambda these, operator=operator: Apply(operator, these, kind)))
    if kind == NUMBER:
        lists = _refs(ListOf(TEXT), element)
        deeper.append(lists.map(lambda one: Apply("length", (one,), NUMBER)))
    if kind == BOOL:
        deeper.append(st.deferred(lambda: conditions(element, depth - 1)))
    return st.one_of(deeper)


_APPLICATIONS = {
    NUMBER: (
        *((operator, NUMBER, NUMBER) for operator in "+-*/"),
        *(("/", USD, USD), ("neg", NUMBER), ("round", NUMBER), ("length", TEXT)),
        *(("hour", TIMESTAMP), ("days_since", TIMESTAMP), ("days_since", DATE)),
        *(("days_until", DATE), ("years_since", DATE)),
    ),
    USD: (
        *(("+", USD, USD), ("-", USD, USD), ("neg", USD)),
        *(("*", USD, NUMBER), ("*", NUMBER, USD), ("/", USD, NUMBER)),
    ),
    **{
        kind: (("+", kind, DURATION), ("-", kind, DURATION), ("+", DURATION, kind))
        for kind in (DATE, TIMESTAMP)
    },
    TEXT: (("weekday", TIMESTAMP), ("weekday", DATE)),
}


def _applications(kind):
    """Return operators and functions that give this type, each with the types it takes."""
    yield from _APPLICATIONS.get(kind, ())
    if kind in ORDERED:
        yield ("least", kind, kind)
        yield ("greatest", kind, kind, kind)


ORDERED = (NUMBER, USD, DATE, TIME, TIMESTAMP, PERCENT)
PATTERNS = ("a", "^a", "b$", "^ab$", "[a-c]+b", ".", "^$", "ü|b", "\\w\\W", "^.*b.?$", "\\$[^x]*")


@st.composite
def _comparisons(draw, element, depth):
    kind = draw(st.sampled_from((*ORDERED, *ORDERED, TEXT, CHOICE, BOOL)))
    operators = ("=", "<", "<=", ">", ">=") if kind in ORDERED else ("=",)
    other = kind
    if kind in (DATE, TIMESTAMP) and draw(st.integers(0, 3)) == 0:
        other = DATE if kind == TIMESTAMP else TIMESTAMP
    left, right = draw(values(kind, element, depth)), draw(values(other, element, depth - 1))
    if draw(st.booleans()):
        left, right = right, left
    return Apply(draw(st.sampled_from(operators)), (left, right), BOOL)


@st.composite
def _text_tests(draw, element, depth):
    left = draw(values(TEXT, element, depth))
    operator = draw(st.sampled_from(("contains", "starts with", "ends with", "matches")))
    right = (
        Const(draw(st.sampled_from(PATTERNS)), TEXT)
        if operator == "matches"
        else draw(values(TEXT, element, depth - 1))
    )
    return Apply(operator, (left, right), BOOL)


@st.composite
def _list_tests(draw, element, depth):
    kind = draw(st.sampled_from((TEXT, NUMBER)))
    refs = _refs(ListOf(kind), element)
    if draw(st.booleans()):
        return Apply("contains", (draw(refs), draw(values(kind, element, depth - 1))), BOOL)
    kind = draw(st.sampled_from((TEXT, NUMBER, CHOICE, DATE, USD)))
    many = st.lists(_constants(kind), min_size=1, max_size=4).map(
        lambda constants: Const(tuple(one.value for one in constants), ListOf(kind))
    )
    if kind in (TEXT, NUMBER):
        many = st.one_of(many, _refs(ListOf(kind), element))
    return Apply("in", (draw(values(kind, element, depth - 1)), draw(many)), BOOL)


@cache
def _known(element):
    kinds = [kind for _, kind in USER.fields]
    refs = st.sampled_from(kinds).flatmap(lambda kind: _refs(kind, element))
    found = refs | values(BOOL, element, depth=1)
    return found.map(lambda one: Apply("is known", (one,), BOOL))


@cache
def conditions(element=None, depth=2):
    """Return conditions, over the element of an aggregate if there is one."""
    tests = [
        _comparisons(element, max(depth, 0)),
        _comparisons(element, max(depth, 0)),
        _text_tests(element, max(depth - 1, 0)),
        _list_tests(element, max(depth - 1, 0)),
        _known(element),
        _refs(BOOL, element),
    ]
    if depth > 0:
        inner = st.deferred(lambda: conditions(element, depth - 1))
        several = st.lists(inner, min_size=2, max_size=3).map(tuple)
        tests += [
            inner.map(Not),
            several.map(AllOf),
            several.map(AnyOf),
            aggregates(BOOL, element, depth),
            st.sampled_from(("one", "two")).map(InSegment),
        ]
    return st.one_of(tests)


@st.composite
def programs(draw):
    """Return a program whose segments may name each other."""
    two = Segment("two", draw(conditions(depth=1)))
    one = Segment("one", draw(conditions(depth=1)))
    zone = draw(st.sampled_from(ZONES))
    return Program(zone=zone, events=EVENTS, user=USER, segments={"one": one, "two": two})
