"""Promotions and carts made by hand, and random ones."""

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import strategies as st

from dsl import Moment, Program
from dsl.clauses import Amount
from dsl.core import Apply, Const, Ref
from dsl.kinds import BOOL, NUMBER, TEXT, Money
from dsl.program import Campaign
from dsl.promotions import (
    Award,
    Bundle,
    BuyGet,
    FixedPrice,
    Gift,
    Off,
    Promotion,
    SplitEffects,
    Take,
    Target,
    Tiers,
)
from engine.pricing import Request
from models.cart import Cart, CartLine

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
MONEY = Money(None)


def percent(number):
    return Off(percent=Decimal(str(number)))


def amount(minor, currency="USD"):
    return Off(amount=Amount(minor, currency))


def line(price, quantity=1, category="any", floor=0, **fields):
    return CartLine("sku", price, quantity, floor, {"category": category, **fields})


def cart(*lines, **fields):
    return Cart("USD", lines, **fields)


CAMPAIGN = Campaign("spring", budget=Amount(500, "USD"))
BUYER = {"user": {"id": "u1"}}


def request(of, *promotions, zone="UTC", facts=None, at=NOW, **fields):
    program = Program(
        zone=zone,
        promotions={each.name: each for each in promotions},
        campaigns={CAMPAIGN.name: CAMPAIGN},
    )
    return Request(of, BUYER if facts is None else facts, Moment(at, zone, program), **fields)


def category(name):
    return Apply("=", (Ref("element", ("category",), TEXT), Const(name, TEXT)), BOOL)


def costs(minor, operator=">="):
    return Apply(operator, (Ref("element", ("price",), MONEY), Const(minor, MONEY)), BOOL)


def cheaper_than_what_is_left():
    """A condition on lines that depends on what promotions before left."""
    half = Apply("/", (Ref("cart", ("remaining",), MONEY), Const(4, NUMBER)), MONEY)
    return Apply("<=", (Ref("element", ("price",), MONEY), half), BOOL)


def remaining(minor, operator=">="):
    return Apply(operator, (Ref("cart", ("remaining",), MONEY), Const(minor, MONEY)), BOOL)


# --- random ones ---

PRICES = st.one_of(st.integers(0, 12), st.sampled_from([99, 100, 333, 1000]))
MINOR = st.integers(0, 400)
AMOUNTS = MINOR.map(lambda minor: Amount(minor, "USD"))
CAPS = st.one_of(st.none(), st.none(), AMOUNTS)
WHERES = st.sampled_from(
    [
        *(None, None, category("A"), category("B"), costs(10), costs(99, "<")),
        cheaper_than_what_is_left(),
    ]
)
OFFS = st.one_of(
    st.sampled_from([5, 10, 12.5, 15, 33, 50, 66.6, 100]).map(percent),
    MINOR.map(amount),
)


@st.composite
def carts(draw, lines=4, quantity=4):
    return Cart(
        "USD",
        tuple(
            line(
                draw(PRICES),
                draw(st.integers(1, quantity)),
                draw(st.sampled_from("AB")),
                draw(st.one_of(st.just(0), st.just(0), PRICES)),
            )
            for _ in range(draw(st.integers(0, lines)))
        ),
        shipping=draw(st.sampled_from([0, 7, 500])),
    )


@st.composite
def targets(draw):
    what = draw(st.sampled_from(["cart", "items", "each", "cheapest", "dearest", "shipping"]))
    where = None if what in ("cart", "shipping") else draw(WHERES)
    return Target(what, where, draw(st.integers(1, 4)) if what.endswith("est") else 0)


@st.composite
def tiers(draw):
    steps = draw(st.dictionaries(st.integers(0, 900), OFFS, min_size=1, max_size=3))
    by = Ref("cart", (draw(st.sampled_from(["subtotal", "remaining"])),), MONEY)
    return Tiers(draw(targets()), by, tuple(steps.items()), draw(CAPS))


@st.composite
def buys(draw):
    priced = draw(st.booleans())
    return BuyGet(
        buy=draw(st.integers(1, 3)),
        buy_where=draw(WHERES),
        get=draw(st.integers(1, 2)),
        get_where=draw(WHERES),
        dearest=draw(st.booleans()),
        off=None if priced else percent(draw(st.sampled_from([100, 100, 50, 33]))),
        price=draw(AMOUNTS) if priced else None,
        times=draw(st.one_of(st.none(), st.integers(1, 2))),
        cap=draw(CAPS),
    )


BUNDLES = st.builds(
    Bundle,
    st.lists(st.tuples(st.integers(1, 2), WHERES), min_size=1, max_size=3).map(tuple),
    AMOUNTS,
    st.one_of(st.none(), st.just(1)),
    CAPS,
)
AWARDS = st.builds(
    Award,
    st.integers(1, 3),
    st.integers(1, 200),
    st.sampled_from([Ref("cart", (name,), MONEY) for name in ("subtotal", "remaining")]),
)
SIMPLE = st.one_of(
    st.builds(Take, OFFS, targets(), CAPS),
    st.builds(Take, OFFS, targets(), CAPS),
    tiers(),
    st.builds(FixedPrice, st.builds(Target, st.just("items"), WHERES), AMOUNTS, CAPS),
    buys(),
    BUNDLES,
    st.just(Gift("SAMPLE", 1)),
    st.just(Award(10)),
    AWARDS,
)


@st.composite
def splits(draw):
    arms = [tuple(draw(st.lists(SIMPLE, max_size=2))) for _ in range(3)]
    shares = (Decimal(20), Decimal("33.5"), Decimal("46.5"))
    named = zip(shares, "xyz", arms, strict=True)
    return SplitEffects(draw(st.sampled_from(["s", "t"])), tuple(named))


EFFECTS = st.one_of(*[SIMPLE] * 8, splits())


@st.composite
def promotions(draw, name):
    group = draw(st.sampled_from([None, None, None, "best g", "best h", "first f", "exclusive"]))
    kind, _, group_name = (group or "").partition(" ")
    return Promotion(
        name,
        when=draw(st.one_of(st.none(), st.none(), st.none(), MINOR.map(remaining))),
        effects=tuple(draw(st.lists(EFFECTS, min_size=1, max_size=3))),
        budget=draw(st.one_of(st.none(), st.none(), st.none(), AMOUNTS)),
        campaign=draw(st.sampled_from([None, None, None, CAMPAIGN.name])),
        priority=draw(st.integers(-2, 2)),
        exclusive=kind == "exclusive",
        best_of=group_name if kind == "best" else None,
        first_of=group_name if kind == "first" else None,
        currency="USD",
    )


@st.composite
def programs(draw, most=5):
    return [draw(promotions(name)) for name in "abcdefgh"[: draw(st.integers(0, most))]]
