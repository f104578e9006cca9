"""GraphQL over server-sent events: graphql-sse's distinct connections, one operation on each."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any, cast

import orjson
from cross_web import HTTPException
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Receive, Scope, Send
from strawberry.http import process_result
from strawberry.types.graphql import OperationType

from app.admission import Refusal
from app.sockets import CONNECTIONS, PATIENCE
from schema.context import Context
from schema.scalars import WRITING
from schema.streams import Asked, Refused
from services.vigils import Watched

if TYPE_CHECKING:
    from app.view import View

log = logging.getLogger(__name__)

STREAM = "text/event-stream"
# Seconds between two signs of life: proxies close connections on which nothing moves.
HEARTBEAT = 12.0

_COMPLETE = b"event: complete\ndata:\n\n"
_READING = frozenset({OperationType.QUERY, OperationType.SUBSCRIPTION})
_ALLOWED = {"GET": _READING, "POST": _READING | {OperationType.MUTATION}}


def wants_stream(scope: Scope) -> bool:
    """Whether a request asks for a stream of events."""
    return STREAM in Headers(scope=scope).get("accept", "")


class ServerEvents:
    """One request, answered for as long as there is something to tell and someone to hear it."""

    def __init__(self, view: "View", scope: Scope, receive: Receive, send: Send) -> None:
        self._view = view
        self._scope = scope
        self._receive = receive
        self._send = send
        self._sending = asyncio.Lock()

    async def serve(self) -> None:
        """Answer with events, each `next`, and `complete` at the end."""
        request = Request(self._scope, self._receive)
        admitted = self._scope["state"]["admitted"]
        context = await self._view.get_context(request, request)  # type: ignore[arg-type]
        context.last_event_id = request.headers.get("last-event-id") or None
        try:
            asked = await self._asked(request)
        except HTTPException as error:
            refusal = Refusal(error.status_code, "BAD_REQUEST", error.reason, admitted.request_id)
            await refusal.send(self._send)
            return
        principal = context.principal
        vigil, address = self._view.vigil, context.address
        if principal is None:
            there, whose = vigil.strangers(address), "From your address there are"
        else:
            there, whose = vigil.connections(principal.user_id), "You have"
        if there >= CONNECTIONS:
            words = f"{whose} {CONNECTIONS} connections already."
            refusal = Refusal(429, "RATE_LIMITED", words, admitted.request_id, retry_after=5)
            await refusal.send(self._send)
        elif principal is None:
            with vigil.bearing(address):
                await self._follow(asked, context, None)
        else:
            with vigil.watching(principal, context.expires_at) as watched:
                await self._follow(asked, context, watched)

    async def _follow(self, asked: Asked, context: Context, watched: Watched | None) -> None:
        """Answer until all is told, nobody listens, or who listens may not any more."""
        await self._start()
        tasks = [
            asyncio.create_task(self._tell(asked, context)),
            asyncio.create_task(self._until_gone()),
            asyncio.create_task(self._beat()),
        ]
        if watched:
            tasks.append(asyncio.create_task(self._until_over(watched)))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(outcome, TimeoutError):
                    log.warning("a subscriber has taken nothing for %d seconds", PATIENCE)
                elif isinstance(outcome, Exception):
                    log.error("a stream of events failed", exc_info=outcome)
        with suppress(TimeoutError):
            await self._write(b"", more=False)

    async def _asked(self, request: Request) -> Asked:
        """Read the operation from a body of JSON or from the address."""
        if request.method == "POST":
            if request.headers.get("content-type", "").partition(";")[0] != "application/json":
                raise HTTPException(415, "Send JSON, as application/json")
            try:
                sent = self._view.parse_json(await request.body())
            except orjson.JSONDecodeError as error:
                raise HTTPException(400, "A GraphQL request is a JSON object") from error
        else:
            sent = dict(request.query_params)
            if "variables" in sent:
                sent["variables"] = self._view.parse_json(sent["variables"])
        text, variables = sent.get("query"), sent.get("variables")
        if not isinstance(text, str) or not isinstance(variables, dict | None):
            raise HTTPException(400, "A GraphQL request has a query, and variables by name")
        return Asked(text, variables, sent.get("operationName"))

    async def _tell(self, asked: Asked, context: Context) -> None:
        try:
            async with aclosing(self._answers(asked, context)) as answers:
                async for event in answers:
                    await self._write(event)
        except Refused as refusal:
            await self._write(_event(orjson.dumps({"errors": refusal.errors}).decode()))
        await self._write(_COMPLETE)

    async def _answers(self, asked: Asked, context: Context) -> AsyncGenerator[bytes, None]:
        if self._view.streams.is_sound(asked, context):
            async for answer in self._view.streams.follow(asked, context):
                yield _event(answer.text, answer.cursor)
            return
        # A question, a change or a mistake: one answer, as elsewhere.
        results = await self._view.schema.stream(
            asked.text,
            variable_values=asked.variables,
            context_value=context,
            operation_name=asked.operation,
            allowed_operation_types=_ALLOWED[self._scope["method"]],
        )
        async for result in results:
            text = orjson.dumps(process_result(cast("Any", result)), option=WRITING)
            yield _event(text.decode())

    async def _until_over(self, watched: Watched) -> None:
        await watched.over.wait()
        error = {"message": "The session has ended", "extensions": {"code": "SESSION_ENDED"}}
        await self._write(_event(orjson.dumps({"errors": [error]}).decode()))
        await self._write(_COMPLETE)

    async def _until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT)
            await self._write(b":\n\n")

    async def _start(self) -> None:
        headers = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),
        ]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._write(b":\n\n")

    async def _write(self, part: bytes, *, more: bool = True) -> None:
        """Send, or end a connection whose other side takes nothing."""
        async with self._sending, asyncio.timeout(PATIENCE):
            await self._send({"type": "http.response.body", "body": part, "more_body": more})


def _event(payload: str, cursor: str | None = None) -> bytes:
    # JSON has no line breaks of its own, so it is one line of data.
    head = f"id: {cursor}\n" if cursor is not None else ""
    return f"{head}event: next\ndata: {payload}\n\n".encode()
