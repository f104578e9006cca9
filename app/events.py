"""`POST /v1/events`: events as lines of JSON, read as they arrive, or as CloudEvents."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from app.admission import caller_of
from app.answers import failure, refusal
from app.incoming import read_event, read_headers, read_json
from app.wiring import Wiring
from engine.incoming import Mismatch
from models.api_key import Scope
from models.audit import Actor
from models.errors import DomainError, RateLimited, Unavailable
from models.event import IncomingEvent, Outcome, Verdict
from services import backlog, events

BODY = 5 * 1024 * 1024
LONGEST_LINE = 1024 * 1024

_LINES = frozenset(("application/x-ndjson", "application/ndjson", "application/jsonl"))
_ONE = frozenset(("application/json", "application/cloudevents+json"))
_BATCH = "application/cloudevents-batch+json"


@dataclass(frozen=True, slots=True)
class Ingest:
    """The endpoint. `wiring` gives the parts once the process has them."""

    wiring: Callable[[], Wiring]

    async def __call__(self, request: Request) -> Response:
        """Take events in and say what became of each."""
        principal = caller_of(request)
        if refused := refusal(principal, Scope.EVENTS):
            return refused
        wiring = self.wiring()
        try:
            # Before the body is read: a sender who is to wait need not send it all first.
            await backlog.admit(wiring.stores)
            async with wiring.recorder.record("ingestEvents", Actor.of(principal)):
                return await _taken(request, wiring)
        except RateLimited as error:
            return failure(429, error.code, error.message, retry_after=int(error.retry_after) or 1)
        except Unavailable as error:
            return failure(503, error.code, error.message, retry_after=2)
        except DomainError as error:
            return failure(400, error.code, error.message)


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
    return failure(415, "UNSUPPORTED_MEDIA_TYPE", f"Send one of {known}.")


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
        return failure(400, "INVALID", f"The body {error.reason}.")
    if not isinstance(found, list):
        return failure(400, "INVALID", "A batch is a list of CloudEvents.")
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


def _answer(verdicts: Sequence[dict[str, Any]], status: int) -> Response:
    accepted = sum(verdict["outcome"] == Outcome.ACCEPTED for verdict in verdicts)
    body = orjson.dumps({"accepted": accepted, "verdicts": verdicts})
    return Response(body, status, media_type="application/json")
