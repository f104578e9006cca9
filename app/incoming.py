"""One event as JSON, as `POST /v1/events` takes it: ours, or a CloudEvent 1.0."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import msgspec

from engine.incoming import Mismatch
from models.event import IncomingEvent
from schema.event import local_user


class _Event(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """Named as in GraphQL."""

    id: str
    name: str
    user: str = ""
    anonymous_id: str = ""
    source: str = "api"
    occurred_at: str | None = None
    data: dict[str, Any] = {}


class _CloudEvent(msgspec.Struct):
    """What we need of it; other attributes are extensions that mean nothing to us."""

    id: str
    source: str
    type: str
    specversion: str
    subject: str = ""
    time: str | None = None
    data: dict[str, Any] = {}
    anonymousid: str = ""


def read_json(raw: bytes) -> Any:
    """Return what JSON says. Raises Mismatch, naming no path."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Mismatch((), f"is not JSON: {error}") from None


def read_event(value: Any) -> IncomingEvent:
    """Return an event of either form. Raises Mismatch."""
    if isinstance(value, Mapping) and "specversion" in value:
        return _of_cloud(_as(_CloudEvent, value), value)
    event = _as(_Event, value)
    return IncomingEvent(
        id=event.id,
        name=event.name,
        user=local_user(event.user),
        anonymous=event.anonymous_id,
        source=event.source,
        at=event.occurred_at,
        data=event.data,
    )


def read_headers(headers: Mapping[str, str], body: bytes) -> IncomingEvent:
    """Return a CloudEvent in binary mode: attributes are headers, the body is its data."""
    found: dict[str, Any] = {
        name[3:].lower(): unquote(value)
        for name, value in headers.items()
        if name[:3].lower() == "ce-"
    }
    if body.strip():
        found["data"] = read_json(body)
    return read_event(found)


def _of_cloud(event: _CloudEvent, value: Mapping[str, Any]) -> IncomingEvent:
    if event.specversion != "1.0":
        raise Mismatch(("specversion",), "must be 1.0")
    if "data_base64" in value:
        raise Mismatch(("data_base64",), "data must be a JSON object in `data`")
    return IncomingEvent(
        id=event.id,
        # Types carry the domain of who made them up: com.example.shop.order_placed.
        name=event.type.rpartition(".")[2],
        user=local_user(event.subject),
        anonymous=event.anonymousid,
        source=event.source,
        at=event.time,
        data=event.data,
    )


def _as(kind: Any, value: Any) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$")
        parts = tuple(path.rstrip("`").replace("[", ".[").strip(".").split(".")) if path else ()
        raise Mismatch(tuple(part for part in parts if part), reason) from None
