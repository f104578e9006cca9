"""Reading a cart and its buyer from JSON. What is wrong is named by its place."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from dsl.kinds import Record
from dsl.money import CURRENCIES, LARGEST, to_minor, to_text
from dsl.program import Program
from engine.stored import record
from models.cart import Cart, CartLine
from models.errors import Invalid

MOST_LINES = 500

# No attribute can be called so: a shop's own `group` of an item is none of these.
_RESERVED = ("@claim", "@group")
_TEXTS = ("name", "category", "brand")
_OWN = frozenset((*_TEXTS, "sku", "price", "quantity", "amount", "floor"))


def read_cart(document: Any, program: Program) -> Cart:
    """Read a cart. Raises Invalid, naming the place (`lines[2].price`) and the way out.

    Fields of a line beside the built-in ones are the item's attributes: one of another type than
    declared is missing, as everywhere. `@claim` and `@group` name what the buyer has reserved;
    whether that is so is for the caller to find out.
    """
    cart = as_object(document, "cart")
    currency = _currency(cart.get("currency"))
    lines = cart.get("lines")
    if not isinstance(lines, Sequence) or isinstance(lines, str):
        raise refusal("lines", 'must be a list of lines, such as [{"price": "9.99"}]', lines)
    if len(lines) > MOST_LINES:
        raise Invalid(
            f"lines: {len(lines)} are too many; a cart has at most {MOST_LINES} lines, of any"
            " quantity each",
            field=("lines",),
        )
    attributes = Record(tuple(f for f in program.item.fields if f[0] not in _OWN))
    read = Cart(
        currency=currency,
        lines=tuple(
            _line(line, f"lines[{at}]", currency, attributes, program.zone)
            for at, line in enumerate(lines)
        ),
        shipping=_money(cart, "shipping", "", currency, default=0),
        codes=_codes(cart.get("codes")),
    )
    if read.subtotal + read.shipping > LARGEST:
        raise Invalid("lines: the cart's total is more than can be counted", field=("lines",))
    return read


def _line(line: Any, place: str, currency: str, attributes: Record, zone: str) -> CartLine:
    document = as_object(line, place)
    texts = {name: _text(document, name, place) for name in ("sku", *_RESERVED, *_TEXTS)}
    own = record(document, attributes, currency=currency, zone=zone)
    return CartLine(
        sku=texts["sku"] or "",
        price=_money(document, "price", place, currency),
        quantity=_quantity(document.get("quantity", 1), f"{place}.quantity"),
        floor=_money(document, "floor", place, currency, default=0),
        fields={**own, **{name: texts[name] for name in _TEXTS if texts[name] is not None}},
        claim=texts["@claim"],
        group=texts["@group"],
    )


def _currency(raw: Any) -> str:
    if isinstance(raw, str) and raw in CURRENCIES:
        return raw
    near = get_close_matches(str(raw).upper(), sorted(CURRENCIES), 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise refusal("currency", f"must be a currency's ISO 4217 code, such as USD{hint}", raw)


def _text(document: Mapping[str, Any], name: str, place: str) -> str | None:
    raw = document.get(name)
    if raw is None or isinstance(raw, str):
        return raw
    raise refusal(f"{place}.{name}", "must be text", raw)


def _quantity(raw: Any, place: str) -> int:
    whole = isinstance(raw, int) and not isinstance(raw, bool)
    if whole and 1 <= raw <= LARGEST:
        return int(raw)
    raise refusal(place, "must be a whole number from 1 on; leave out lines of nothing", raw)


def _money(
    document: Mapping[str, Any], name: str, place: str, currency: str, default: int | None = None
) -> int:
    path = f"{place}.{name}" if place else name
    raw = document.get(name)
    if raw is None and default is not None:
        return default
    if isinstance(raw, bool) or not isinstance(raw, str | int | float | Decimal):
        raise refusal(path, 'must be an amount of money as text, such as "9.99"', raw)
    try:
        minor = to_minor(raw if isinstance(raw, Decimal | int) else str(raw), currency)
    except ValueError as reason:
        example = to_text(1250, currency)
        message = f'{path}: {reason}; an amount of {currency} is text such as "{example}"'
        raise Invalid(message, field=_field(path)) from None
    if minor < 0:
        raise refusal(path, "must not be negative", raw)
    return minor


def _codes(raw: Any) -> tuple[str, ...]:
    if raw is None:
        return ()
    if not isinstance(raw, list | tuple) or not all(isinstance(code, str) for code in raw):
        raise refusal("codes", 'must be a list of texts, such as ["SPRING15"]', raw)
    return tuple(raw)


def as_object(raw: Any, place: str) -> Mapping[str, Any]:
    """Return an object of JSON. Raises Invalid."""
    if isinstance(raw, Mapping):
        return raw
    raise refusal(place, "must be an object with named fields", raw)


def refusal(path: str, what: str, raw: Any) -> Invalid:
    """Word what is wrong at a place: what is there, and what it must be."""
    got = "is missing" if raw is None else f"is {str(raw)[:40]!r}" if raw != "" else "is empty"
    return Invalid(f"{path} {got}; it {what}", field=_field(path))


def _field(path: str) -> tuple[str, ...]:
    return tuple(path.replace("]", "").replace("[", ".").split("."))
