"""What every program can speak of undeclared: facts of people, carts, lines and events."""

from collections.abc import Mapping

from dsl.kinds import (
    BOOL,
    DATE,
    NUMBER,
    TEXT,
    TIMESTAMP,
    Kind,
    ListOf,
    Money,
    Record,
    Text,
)

CONSENTS = ("email", "sms", "push")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
WEEKDAY = Text(WEEKDAYS)

USER = Record(
    (
        ("id", TEXT),
        ("email", TEXT),
        ("name", TEXT),
        ("locale", TEXT),
        ("timezone", TEXT),
        ("created_at", TIMESTAMP),
        ("birthday", DATE),
        ("tags", ListOf(TEXT)),
        ("points", NUMBER),
        ("tier", TEXT),
        ("consent", Record(tuple((channel, BOOL) for channel in CONSENTS))),
    )
)

# Money in a cart is in the cart's own currency, which a program does not know.
ITEM = Record(
    (
        ("sku", TEXT),
        ("name", TEXT),
        ("category", TEXT),
        ("brand", TEXT),
        ("price", Money(None)),
        ("quantity", NUMBER),
        ("amount", Money(None)),
        ("floor", Money(None)),
    )
)

# Every event happened at some time, whatever else it tells.
EVENT_TIME: tuple[str, Kind] = ("time", TIMESTAMP)

# The one built-in event whose fields a declaration may only repeat or add to. The fields of the
# others are defaults, which a declaration of the same name may give differently.
FIXED_EVENT = "order_placed"


def cart_of(item: Record) -> Record:
    """Return the cart's facts, its lines having the attributes that were declared for items."""
    return Record(
        (
            ("currency", TEXT),
            ("subtotal", Money(None)),
            ("remaining", Money(None)),
            ("quantity", NUMBER),
            ("items", ListOf(item)),
            ("codes", ListOf(TEXT)),
            ("shipping", Money(None)),
        )
    )


def events_of(currency: str) -> Mapping[str, Record]:
    """Return the built-in events of a workspace of this currency."""
    money = Money(currency)
    bought: tuple[tuple[str, Kind], ...] = (
        ("sku", TEXT),
        ("category", TEXT),
        ("brand", TEXT),
        ("quantity", NUMBER),
        ("amount", money),
    )
    lines = ListOf(Record(bought))
    return {
        FIXED_EVENT: Record(
            (EVENT_TIME, ("order_id", TEXT), ("total", money), ("items", lines)),
        ),
        "order_cancelled": Record((EVENT_TIME, ("order_id", TEXT))),
        "items_returned": Record((EVENT_TIME, ("order_id", TEXT), ("items", lines))),
        "cart_updated": Record((EVENT_TIME, ("total", money), ("items", lines))),
    }
