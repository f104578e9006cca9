"""Reading a buyer from JSON: who they are, what they did, which promotions they used."""

from collections import defaultdict
from typing import Any

from dsl.program import Program
from engine.pricing.reading import as_object, refusal
from engine.pricing.turn import Facts
from engine.pricing.usage import Usage, Used
from engine.stored import instant, record

_NOT_FACTS = frozenset(("segments", "events", "uses"))


def read_buyer(document: Any, program: Program, zone: str) -> tuple[Facts, Usage]:
    """Read `{"id", …attributes, "segments", "events", "uses"}` into facts and usage.

    Timestamps without an offset are in `zone`. Raises Invalid, naming the place.
    """
    buyer = as_object(document, "user")
    known = {name: raw for name, raw in buyer.items() if name not in _NOT_FACTS}
    facts: Facts = {
        "user": record(known, program.user, currency=program.currency, zone=zone),
        "segments": list(_texts(buyer.get("segments"), "segments")),
        "events": _events(buyer.get("events"), program, zone),
    }
    return facts, _usage(buyer.get("uses"))


def _events(raw: Any, program: Program, zone: str) -> dict[str, list[Facts]]:
    events: dict[str, list[Facts]] = defaultdict(list)
    for at, entry in enumerate(_list(raw, "events")):
        place = f"events[{at}]"
        event = as_object(entry, place)
        name = event.get("name")
        if not isinstance(name, str):
            raise refusal(f"{place}.name", "must name an event, such as order_placed", name)
        try:
            time = instant(event.get("time") or "", zone)
        except (TypeError, ValueError, OverflowError):
            what = "must be a time such as 2026-03-01T09:00:00Z"
            raise refusal(f"{place}.time", what, event.get("time")) from None
        kind = program.events.get(name)
        fields: Facts = {}
        if kind is not None:
            fields = record(event, kind, currency=program.currency, zone=zone)
        events[name].append({**fields, "time": time})
    for happened in events.values():
        happened.sort(key=lambda event: event["time"])
    return dict(events)


def _usage(raw: Any) -> Usage:
    uses = as_object({} if raw is None else raw, "uses")
    for name, count in uses.items():
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            raise refusal(f"uses.{name}", "must be how often it was used, such as 1", count)
    return {name: Used(by_user=count) for name, count in uses.items()}


def _texts(raw: Any, place: str) -> list[str]:
    texts = _list(raw, place)
    if not all(isinstance(text, str) for text in texts):
        raise refusal(place, 'must be a list of texts, such as ["vip"]', raw)
    return texts


def _list(raw: Any, place: str) -> list[Any]:
    if raw is None:
        return []
    if not isinstance(raw, list):
        raise refusal(place, "must be a list", raw)
    return raw
