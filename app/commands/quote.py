"""`fanfare quote`: what a cart costs under a file of rules, without a server."""

from datetime import datetime
from pathlib import Path
from typing import Any

import dsl
from app.commands.sources import print_json, read_document, read_sources, show
from engine.pricing import Request, quote
from engine.pricing.buyer import read_buyer
from engine.pricing.reading import read_cart
from engine.pricing.reserved import apart, supposed, together
from engine.pricing.writing import write_quote
from models.cart import Cart
from models.redemption import Reserved


def price(rules: Path, cart: Path, user: Path | None, *, at: datetime, zone: str) -> int:
    """Print the quote as JSON and return the exit code. Raises Invalid for a bad cart or user."""
    sources = read_sources([rules])
    checked = dsl.check(sources, dsl.Settings(zone=zone))
    program = checked.program
    if program is None:
        show((each for each in checked.diagnostics if each.severity == "error"), sources)
        return 1
    sent, reserved = read_document(cart, lambda document: _with_reserved(document, program))
    facts, usage = (
        ({}, {})
        if user is None
        else read_document(user, lambda document: read_buyer(document, program, zone))
    )
    moment = dsl.Moment(at, program.zone, program)
    quoted = quote(Request(apart(sent, reserved), facts, moment, usage))
    print_json(write_quote(together(quoted, sent, reserved)))
    return 0


def _with_reserved(document: Any, program: dsl.Program) -> tuple[Cart, tuple[Reserved, ...]]:
    cart = read_cart(document, program)
    return cart, supposed(cart, program)
