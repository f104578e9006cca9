"""The candidates that the index finds are those that nothing stops, whatever promotions ask."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsl import Moment, Program
from dsl.clauses import Active, Limit, Recurring
from dsl.core import Aggregate, Apply, Const, ListSource, Ref
from dsl.kinds import BOOL, TEXT, ListOf, Record
from dsl.promotions import Promotion, Take, Target
from engine.pricing import Request, Used
from engine.pricing.candidates import Sieve
from engine.pricing.plan import plan
from tests.dsl import random_rules as rules
from tests.engine.building import MONEY, carts, category, percent, remaining

PEOPLE = rules.crowd(seed=3, size=20)
NOWS = [datetime(2026, 3, day, 12, tzinfo=UTC) for day in (1, 5, 9)]
ITEMS = ListSource(Ref("cart", ("items",), ListOf(Record((("category", TEXT), ("price", MONEY))))))


def compare(operator, left, right):
    return Apply(operator, (left, right), BOOL)


def in_cart(name):
    return Aggregate("any", ITEMS, (), category(name), None, BOOL)


CARTS = st.one_of(
    st.builds(
        lambda operator, minor: compare(
            operator, Ref("cart", ("subtotal",), MONEY), Const(minor, MONEY)
        ),
        st.sampled_from(("<", "<=", ">", ">=")),
        st.integers(0, 3000),
    ),
    st.sampled_from("AB").map(in_cart),
    st.integers(0, 900).map(remaining),
)
ASKED = st.one_of(st.none(), CARTS, CARTS, rules.conditions(depth=1))
AUDIENCES = st.one_of(st.none(), st.none(), rules.conditions(depth=1))
INSTANTS = st.one_of(st.none(), st.sampled_from(NOWS))
WINDOWS = st.lists(
    st.builds(
        Active,
        INSTANTS,
        INSTANTS,
        st.sampled_from((None, None, Recurring("thursday", "10:00", "14:00"))),
        st.sampled_from((None, "Asia/Tokyo")),
    ),
    max_size=2,
).map(tuple)
LIMITS = st.sampled_from(((), (Limit(1, "user"),), (Limit(2, "total"),)))
PROMOTIONS = st.builds(
    Promotion,
    name=st.sampled_from([f"p{number}" for number in range(12)]),
    active=WINDOWS,
    audience=AUDIENCES,
    codes=st.sampled_from(((), (), ("A",), ("a ", "B"))),
    unique_codes=st.sampled_from((False, False, True)),
    when=ASKED,
    effects=st.just((Take(percent(10), Target("cart")),)),
    limits=LIMITS,
    holdout=st.sampled_from((None, None, Decimal(50))),
    currency=st.sampled_from((None, "USD", "EUR")),
)
REQUESTS = st.fixed_dictionaries(
    {
        "facts": st.sampled_from([{}, *PEOPLE]),
        "usage": st.sampled_from(({}, {"p1": Used(by_user=1), "p2": Used(total=2)})),
        "unlocked": st.sampled_from((frozenset(), frozenset(("p0", "p3")))),
        "paused": st.sampled_from((frozenset(), frozenset(("p4",)))),
    }
)


@given(
    st.lists(PROMOTIONS, max_size=12, unique_by=lambda each: each.name),
    carts(),
    st.sampled_from(((), ("a",), ("b", "c"))),
    st.lists(REQUESTS, min_size=4, max_size=4),
    st.sampled_from(NOWS),
)
@settings(
    max_examples=150, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)
def test_the_index_finds_the_candidates_that_nothing_stops(promotions, cart, codes, asked, now):
    program = Program(
        events=rules.EVENTS,
        user=rules.USER,
        promotions={promotion.name: promotion for promotion in promotions},
    )
    for each in asked:
        request = Request(replace(cart, codes=codes), moment=Moment(now, "UTC", program), **each)
        sieve = Sieve.of(request)

        naive = [one for one in plan(program).turns if sieve.stops(one) is None]
        assert sieve.candidates() == naive
