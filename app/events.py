"""`POST /v1/events`: events as lines of JSON, read as they arrive, or as CloudEvents."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from app.admission import Admitted
from app.incoming import read_event, read_headers, read_json
from app.wiring import Wiring
from engine.incoming import Mismatch
from models.api_key import Scope
from models.errors import DomainError, RateLimited, Unavailable
from models.event import IncomingEvent, Outcome, Verdict
from models.principal import Principal, Role
from services import backlog, events

BODY = 5 * 1024 * 1024
LONGEST_LINE = 1024 * 1024

_LINES = frozenset(("application/x-ndjson", "application/ndjson", "application/jsonl"))
_ONE = frozenset(("application/json", "application/cloudevents+json"))
_BATCH = "application/cloudevents-batch+json"
_ALLOWED = frozenset((Role.ADMIN, Role.INTEGRATOR))


@dataclass(frozen=True, slots=True)
class Ingest:
    """The endpoint. `wiring` gives the parts once the process has them."""

    wiring: Callable[[], Wiring]

    async def __call__(self, request: Request) -> Response:
        """Take events in and say what became of each."""
        admitted: Admitted = request.scope["state"]["admitted"]
        principal = admitted.access.principal if admitted.access else None
        if refusal := _refusal(principal):
            return refusal
        wiring = self.wiring()
        try:
            # Before the body is read: a sender who is to wait need not send it all first.
            await backlog.admit(wiring.stores)
            return await _taken(request, wiring)
        except RateLimited as error:
            return _error(429, error.code, error.message, retry_after=int(error.retry_after) or 1)
        except Unavailable as error:
            return _error(503, error.code, error.message, retry_after=2)
        except DomainError as error:
            return _error(400, error.code, error.message)


async def _taken(request: Request, wiring: Wiring) -> Response:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in _LINES:
        return await _lines(request, wiring)
    if "ce-specversion" in request.headers:
        return await _one(lambda body: read_headers(request.headers, body), request, wiring)
    if kind in _ONE:
        return await _one(lambda body: read_event(read_json(body)), request, wiring)
    if kind == _BATCH:
        return await _batch(request, wiring)
    known = ", ".join(sorted((*_LINES, *_ONE, _BATCH)))
    return _error(415, "UNSUPPORTED_MEDIA_TYPE", f"Send one of {known}.")


@dataclass(slots=True)
class _Batch:
    """Events read so far that are not taken in yet, and the verdicts on all before them."""

    wiring: Wiring
    waiting: list[tuple[int, IncomingEvent]] = field(default_factory=list)
    verdicts: list[dict[str, Any]] = field(default_factory=list)

    async def read(self, number: int, read: Callable[[], IncomingEvent]) -> None:
        """Take the event with this number; what cannot be one is rejected at once."""
        try:
            self.waiting.append((number, read()))
        except Mismatch as error:
            verdict = Verdict("", "", Outcome.REJECTED, error.path, error.reason)
            self.verdicts.append(_shown(number, verdict))
        if len(self.waiting) == events.MOST_EVENTS:
            await self.flush()

    async def flush(self) -> None:
        """Take in what waits."""
        wiring, batch = self.wiring, self.waiting
        if not batch:
            return
        self.waiting = []
        verdicts = await events.ingest(
            [incoming for _, incoming in batch],
            stores=wiring.stores,
            rulebook=wiring.rulebook,
            jobs=wiring.jobs,
            now=wiring.clock.now(),
        )
        self.verdicts += [
            _shown(number, verdict) for (number, _), verdict in zip(batch, verdicts, strict=True)
        ]

    async def all(self) -> list[dict[str, Any]]:
        """Return every verdict, in the order sent."""
        await self.flush()
        return sorted(self.verdicts, key=lambda verdict: verdict["line"])


async def _lines(request: Request, wiring: Wiring) -> Response:
    batch = _Batch(wiring)
    number = 0
    async for line in _each_line(request.stream()):
        number += 1
        if line.strip():
            await batch.read(number, lambda line=line: _of_line(line))  # type: ignore[misc]
    body = b"".join(
        orjson.dumps(verdict, option=orjson.OPT_APPEND_NEWLINE) for verdict in await batch.all()
    )
    return Response(body, media_type="application/x-ndjson")


async def _each_line(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line
    yield rest


def _of_line(line: bytes) -> IncomingEvent:
    if len(line) > LONGEST_LINE:
        raise Mismatch((), f"is longer than {LONGEST_LINE:,} bytes")
    return read_event(read_json(line))


async def _one(
    read: Callable[[bytes], IncomingEvent], request: Request, wiring: Wiring
) -> Response:
    """Take one event. Its status tells senders that read nothing else whether to try again."""
    batch = _Batch(wiring)
    body = await request.body()
    await batch.read(1, lambda: read(body))
    verdicts = await batch.all()
    return _answer(verdicts, 422 if verdicts[0]["outcome"] == Outcome.REJECTED else 200)


async def _batch(request: Request, wiring: Wiring) -> Response:
    try:
        found = read_json(await request.body())
    except Mismatch as error:
        return _error(400, "INVALID", f"The body {error.reason}.")
    if not isinstance(found, list):
        return _error(400, "INVALID", "A batch is a list of CloudEvents.")
    batch = _Batch(wiring)
    for number, value in enumerate(found, 1):
        await batch.read(number, lambda value=value: read_event(value))  # type: ignore[misc]
    return _answer(await batch.all(), 200)


def _shown(number: int, verdict: Verdict) -> dict[str, Any]:
    shown: dict[str, Any] = {"line": number, "outcome": verdict.outcome.value}
    if verdict.id:
        shown |= {"source": verdict.source, "id": verdict.id}
    if verdict.outcome is Outcome.REJECTED:
        shown |= {"path": list(verdict.path), "reason": verdict.reason}
    return shown


def _refusal(principal: Principal | None) -> Response | None:
    if principal is None:
        return _error(401, "UNAUTHENTICATED", "Send an API key as `Authorization: Bearer …`.")
    if not principal.roles & _ALLOWED:
        return _error(403, "FORBIDDEN", "Your roles do not allow this.")
    if principal.scopes is not None and Scope.EVENTS not in principal.scopes:
        return _error(403, "FORBIDDEN", "This API key lacks the scope EVENTS.")
    return None


def _answer(verdicts: Sequence[dict[str, Any]], status: int) -> Response:
    accepted = sum(verdict["outcome"] == Outcome.ACCEPTED for verdict in verdicts)
    body = orjson.dumps({"accepted": accepted, "verdicts": verdicts})
    return Response(body, status, media_type="application/json")


def _error(status: int, code: str, message: str, *, retry_after: int = 0) -> Response:
    body = orjson.dumps({"errors": [{"message": message, "extensions": {"code": code}}]})
    headers = {"retry-after": str(retry_after)} if retry_after else {}
    return Response(body, status, headers, media_type="application/json")
