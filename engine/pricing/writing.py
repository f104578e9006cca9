"""Writing a quote as JSON: amounts as decimal text in the cart's currency."""

from collections.abc import Sequence
from typing import Any

from dsl.money import to_text
from models.quote import Quote, QuoteLine, Reason, Taken, Unlock, Verdict


def write_quote(quote: Quote) -> dict[str, Any]:
    """Return the document that `fanfare quote` prints."""
    currency = quote.currency
    document: dict[str, Any] = {
        "currency": currency,
        "subtotal": to_text(quote.subtotal, currency),
        "total": to_text(quote.total, currency),
        "shipping": {
            "price": to_text(quote.shipping.price, currency),
            "discount": to_text(quote.shipping.discount, currency),
            "applied": _applied(quote.shipping.applied, currency),
        },
        "points": quote.points,
        "lines": [_line(line, currency) for line in quote.lines],
        "promotions": [_verdict(verdict, currency) for verdict in quote.verdicts],
        "gifts": [{"sku": gift.sku, "quantity": gift.quantity} for gift in quote.gifts],
        "grants": [{"promotion": one.granted, "for": one.lasts} for one in quote.grants],
    }
    if quote.reduced:
        document["note"] = (
            "there are more than 4,096 legal combinations: each `best of` group was first reduced"
            " to the member that saves most alone"
        )
    return document


def _line(line: QuoteLine, currency: str) -> dict[str, Any]:
    return {
        "sku": line.sku,
        "quantity": line.quantity,
        "subtotal": to_text(line.subtotal, currency),
        "discount": to_text(line.discount, currency),
        "total": to_text(line.total, currency),
        "applied": _applied(line.applied, currency),
    }


def _applied(taken: Sequence[Taken], currency: str) -> list[dict[str, str]]:
    return [{"promotion": one.promotion, "amount": to_text(one.amount, currency)} for one in taken]


def _verdict(verdict: Verdict, currency: str) -> dict[str, Any]:
    return {
        "name": verdict.name,
        "status": "applied" if verdict.applied else "not_applied",
        "saved": to_text(verdict.saved, currency),
        "reason": write_reason(verdict.reason) if verdict.reason else None,
    }


def write_reason(reason: Reason) -> dict[str, Any]:
    """Return a reason as JSON."""
    return {
        "code": reason.code.value,
        "clause": reason.clause,
        "values": dict(reason.values),
        "unlock": None if reason.unlock is None else _unlock(reason.unlock),
    }


def _unlock(unlock: Unlock) -> dict[str, Any]:
    own = {"path": unlock.path, "to": unlock.to, "by": unlock.by}
    return {**own, "also": [_unlock(each) for each in unlock.also]} if unlock.also else own
