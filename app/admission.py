"""What happens to a request before anything is parsed: a number, a caller, a size."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import orjson
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.errors import Unauthenticated, Unavailable
from models.ids import new_id
from models.principal import Principal
from services.tokens import Access

ANONYMOUS_BODY = 128 * 1024
BODY = 1024 * 1024

# How much of a refused body is read past, in bytes and seconds.
_MOST_READ_PAST = 32 * 1024 * 1024
_LONGEST_READ_PAST = 2.0

_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


@dataclass(frozen=True, slots=True)
class Admitted:
    """What is known of a request's origin. Found in `scope["state"]["admitted"]`."""

    request_id: str
    address: str
    access: Access | None
    client: str = ""


def caller_of(request: Request) -> Principal | None:
    """Return who makes an admitted request; None for a stranger."""
    admitted: Admitted = request.scope["state"]["admitted"]
    return admitted.access.principal if admitted.access else None


def request_id_of(scope: Scope) -> str:
    """Return the caller's number for a request, or else one of ours."""
    given = Headers(scope=scope).get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else new_id()


class TooLarge(Exception):
    """The body went on past what this caller may send."""


class Admission:
    """Refuses forged and expired tokens (401) and large bodies (413) before reading further."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        read: Callable[[str], Awaitable[Access]],
        bulk: Mapping[str, int] | None = None,
    ) -> None:
        """Know who is who by `read`, and the paths that take more from callers who are known."""
        self.app = app
        self.read = read
        self.bulk = bulk or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = request_id_of(scope)
        access: Access | None = None
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scope["type"] == "http" and scheme.lower() == "bearer":
            try:
                access = await self.read(token.strip())
            except (Unauthenticated, Unavailable) as error:
                status = 401 if isinstance(error, Unauthenticated) else 503
                refusal = Refusal(
                    status, error.code, error.message, request_id, 2 if status == 503 else 0
                )
                await refusal.send(send, unread=receive)
                return
        client = scope.get("client")
        admitted = Admitted(
            request_id, client[0] if client else "", access, headers.get("user-agent", "")
        )
        scope.setdefault("state", {})["admitted"] = admitted
        if scope["type"] == "websocket":
            await self.app(scope, receive, send)
            return
        await self._pass_on(admitted, headers, scope, receive, send)

    async def _pass_on(
        self, admitted: Admitted, headers: Headers, scope: Scope, receive: Receive, send: Send
    ) -> None:
        limit = ANONYMOUS_BODY
        if admitted.access is not None:
            limit = self.bulk.get(scope["path"], BODY)
        refusal = Refusal(
            413,
            "BODY_TOO_LARGE",
            f"A body may have at most {limit:,} bytes here.",
            admitted.request_id,
        )
        declared = headers.get("content-length", "0")
        if not declared.isdecimal() or int(declared) > limit:
            await refusal.send(send, unread=receive)
            return
        received = 0
        started = False

        async def counted() -> Message:
            nonlocal received
            part = await receive()
            received += len(part.get("body", b""))
            if received > limit:
                raise TooLarge
            return part

        async def numbered(part: Message) -> None:
            nonlocal started
            if part["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=part)["x-request-id"] = admitted.request_id
            await send(part)

        try:
            await self.app(scope, counted, numbered)
        except TooLarge:
            if started:
                raise
            await refusal.send(send, unread=receive)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer worded as GraphQL's errors are, before or instead of GraphQL."""

    status: int
    code: str
    message: str
    request_id: str
    retry_after: int = 0
    close: bool = True

    async def send(self, send: Send, *, unread: Receive | None = None) -> None:
        """Answer, and close if so told. What is `unread` of the body is read past, for a while.

        Closing at once would reset the connection, and the client would never see the answer.
        """
        errors = [{"message": self.message, "extensions": {"code": self.code}}]
        body = orjson.dumps({"errors": errors})
        headers = [
            (b"content-type", b"application/json; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"x-request-id", self.request_id.encode()),
        ]
        if self.close:
            headers.append((b"connection", b"close"))
        if self.status == 401:
            headers.append((b"www-authenticate", b'Bearer error="invalid_token"'))
        if self.retry_after:
            headers.append((b"retry-after", str(self.retry_after).encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": unread is not None})
        if unread is not None:
            await _read_past(unread)
            await send({"type": "http.response.body", "body": b""})


async def _read_past(unread: Receive) -> None:
    past = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(_LONGEST_READ_PAST):
            while past < _MOST_READ_PAST:
                part = await unread()
                past += len(part.get("body", b""))
                if part["type"] == "http.disconnect" or not part.get("more_body"):
                    return
