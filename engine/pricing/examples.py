"""Running the examples that rules carry: a failing one is an error at what it expects."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from dsl import Diagnostic, Moment, Program
from dsl.clauses import Length
from dsl.moment import seconds_of
from dsl.money import to_text
from dsl.program import Example, ExampleLine, Expectation
from dsl.zones import instant_of
from engine.pricing.quoting import quote
from engine.pricing.request import Request
from engine.pricing.turn import Facts
from models.cart import Cart, CartLine
from models.quote import Quote, Verdict

FAILED = "E260"
MOST_ERRORS = 50

_OWN = frozenset(("price", "floor", "sku"))


def failures(program: Program, now: datetime) -> list[Diagnostic]:
    """Run every example. Those that give no time of their own happen at `now`."""
    found = (
        failure for example in program.examples for failure in _failures(example, program, now)
    )
    return list(islice(found, MOST_ERRORS))


def _failures(example: Example, program: Program, now: datetime) -> Iterator[Diagnostic]:
    cart = _cart(example, program)
    moment = Moment(example.at or now, program.zone, program)
    priced = quote(Request(cart, _facts(example, program), moment))
    for expected in example.expectations:
        came = _what_came(expected, priced)
        if came is not None:
            message = f'example "{example.title}" fails: {came}'
            yield Diagnostic(FAILED, message, expected.span, _account(priced))


def _what_came(expected: Expectation, priced: Quote) -> str | None:
    """Return what came instead of what was expected, None if that came."""
    currency = priced.currency
    amount = expected.amount.minor if expected.amount else 0
    if expected.what == "total":
        came = f"the total is {to_text(priced.total, currency)} {currency}"
        return None if priced.total == amount else came
    verdict = next(each for each in priced.verdicts if each.name == expected.promotion)
    if expected.what == "takes":
        fulfilled = verdict.saved == amount
    else:
        fulfilled = verdict.applied == (expected.what == "applied")
    return None if fulfilled else _account_of(verdict, currency)


def _account_of(verdict: Verdict, currency: str) -> str:
    if verdict.applied:
        return f"`{verdict.name}` takes {to_text(verdict.saved, currency)} {currency}"
    reason = verdict.reason
    why = f" ({reason.code.value}: {reason.clause})" if reason and reason.clause else ""
    return f"`{verdict.name}` does not apply{why}"


def _account(priced: Quote) -> str:
    currency = priced.currency
    took = [
        f"{each.name} takes {to_text(each.saved, currency)}"
        for each in priced.verdicts
        if each.applied
    ]
    return f"what applied: {', '.join(took) or 'nothing'}"


def _cart(example: Example, program: Program) -> Cart:
    return Cart(
        currency=example.currency or program.currency,
        lines=tuple(_line(line, program.zone) for line in example.lines),
        shipping=example.shipping.minor if example.shipping else 0,
        codes=example.codes,
    )


def _line(line: ExampleLine, zone: str) -> CartLine:
    fields = _nested(line.fields, zone)
    return CartLine(
        sku=fields.get("sku") or "",
        price=fields.get("price") or 0,
        quantity=line.quantity,
        floor=fields.get("floor") or 0,
        fields={name: value for name, value in fields.items() if name not in _OWN},
    )


def _facts(example: Example, program: Program) -> Facts:
    if example.user is None:
        return {}
    user = _nested(example.user, program.zone)
    return {"user": user, "segments": list(example.segments)}


def _nested(fields: tuple[tuple[str, object], ...], zone: str) -> Facts:
    """Return facts given by dotted names as a document, values in stored form."""
    document: Facts = {}
    for name, value in fields:
        *around, last = name.split(".")
        inner: Facts = document
        for part in around:
            inner = inner.setdefault(part, {})
        inner[last] = _stored(value, zone)
    return document


def _stored(value: object, zone: str) -> Any:
    match value:
        case datetime() if value.tzinfo is None:
            return instant_of(value, zone)
        case Length():
            return seconds_of(value)
        case tuple():
            return [_stored(each, zone) for each in value]
        case Mapping():
            return {name: _stored(each, zone) for name, each in value.items()}
        case _:
            return value
