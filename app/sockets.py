"""GraphQL over WebSocket: Strawberry's side of `graphql-transport-ws`, but for subscriptions."""

import asyncio
import logging
from contextlib import ExitStack, aclosing
from typing import TYPE_CHECKING, Any, cast

import orjson
from graphql import GraphQLError
from starlette.websockets import WebSocketDisconnect
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
    Operation,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    ConnectionInitMessage,
    Message,
    SubscribeMessage,
)

from schema.context import Context
from schema.streams import Asked, Refused
from services.vigils import Watched

if TYPE_CHECKING:
    from app.view import View

log = logging.getLogger(__name__)

INIT = 10.0  # seconds in which a client says who it is
SUBSCRIPTIONS = 20  # on one connection
# So many refused one after the other are no mistake, and each costs something.
REFUSALS = 100
LONGEST_ID = 128  # it is part of each answer
CONNECTIONS = 10  # of one caller to one process
# From one address, of those who have not yet said who they are: it may be a whole office's.
STRANGERS = 100
# Seconds for which a client may take nothing at all.
PATIENCE = 30.0


class Socket(BaseGraphQLTransportWSHandler[Context, None]):
    """Ends with its session: at the token's expiry, on signing out, on revocation."""

    view: "View"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._watch: asyncio.Task[None] | None = None
        self._held, self._unknown = ExitStack(), ExitStack()
        self._refused = 0  # since the last operation that was carried out

    @staticmethod
    def _get_pre_execution_close_reason(error: GraphQLError) -> str | None:  # noqa: ARG004
        # A mistake in one operation must not end all others on the same socket.
        return None

    async def handle(self) -> None:
        """Take messages until the end, unless too many from this address have said nothing yet."""
        vigil, whence = self.view.vigil, f"sockets of {self.context.address}"
        if vigil.strangers(whence) >= STRANGERS:
            await self.websocket.close(code=4429, reason="Too many connections")
            return
        self._unknown.enter_context(vigil.bearing(whence))
        await super().handle()

    async def handle_message(self, message: Message) -> None:
        """Take a message; close a connection that sends something else."""
        if _is_sound(message):
            await super().handle_message(message)
        else:
            await self.handle_invalid_message("This is no message of graphql-transport-ws")

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        """Carry an operation out, unless there are too many already."""
        is_new = self.connection_acknowledged and message["id"] not in self.operations
        if is_new and len(self.operations) >= SUBSCRIPTIONS:
            self._refused += 1
            if self._refused > REFUSALS:
                await self.websocket.close(code=4429, reason="Too many operations")
                return
            words = (
                f"A connection carries at most {SUBSCRIPTIONS} operations at once. Complete one of "
                "them first."
            )
            error = GraphQLError(words, extensions={"code": "TOO_MANY_SUBSCRIPTIONS"})
            await self.send_message(
                {"id": message["id"], "type": "error", "payload": [error.formatted]}
            )
            return
        self._refused = 0
        await super().handle_subscribe(message)

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        """Greet, then begin to watch the session."""
        await super().handle_connection_init(message)
        if not self.connection_acknowledged or self._watch is not None:
            return
        self._unknown.close()
        caller = self.context.caller
        if self.view.vigil.connections(caller.user_id) >= CONNECTIONS:
            await self.websocket.close(code=4429, reason="Too many connections")
            return
        # Counted at once: others may be let in before a task begins.
        watched = self._held.enter_context(
            self.view.vigil.watching(caller, self.context.expires_at)
        )
        self._watch = asyncio.create_task(self._close_after(watched))

    async def shutdown(self) -> None:
        """Stop watching with everything else."""
        if self._watch is not None:
            self._watch.cancel()
        self._held.close()
        self._unknown.close()
        await super().shutdown()

    async def run_operation(self, operation: Operation[Context, None]) -> None:
        """Carry an operation out: subscriptions together with others, the rest as always."""
        asked = Asked(operation.query, operation.variables, operation.operation_name)
        if not self.view.streams.is_sound(asked, self.context):
            await super().run_operation(operation)
            return
        # What is around an answer is the same for all answers to one subscriber.
        head = f'{{"id":{orjson.dumps(operation.id).decode()},"type":"next","payload":'
        try:
            async with aclosing(self.view.streams.follow(asked, self.context)) as answers:
                async for answer in answers:
                    async with asyncio.timeout(PATIENCE):
                        await self._send_text(f"{head}{answer.text}}}")
            await operation.send_operation_message({"id": operation.id, "type": "complete"})
        except Refused as refusal:
            errors = cast("Any", list(refusal.errors))
            await operation.send_operation_message(
                {"id": operation.id, "type": "error", "payload": errors}
            )
        except TimeoutError:
            log.warning("a subscriber has taken nothing for %d seconds", PATIENCE)
            # Said when it takes something again; else the server's pings find that it is gone.
            await self.websocket.close(code=4408, reason="You have taken nothing for too long")
        except WebSocketDisconnected:
            self.operations.pop(operation.id, None)

    async def _send_text(self, text: str) -> None:
        try:
            await self.websocket.ws.send_text(text)  # type: ignore[attr-defined]
        except WebSocketDisconnect as error:
            raise WebSocketDisconnected from error

    async def _close_after(self, watched: Watched) -> None:
        await watched.over.wait()
        await self.websocket.close(code=4401, reason="The session has ended")


def _is_sound(message: Any) -> bool:
    """Whether it has the shape of a message, as far as it is looked into."""
    match message:
        case {"type": "subscribe", "id": str(id), "payload": {"query": str()} as asked}:
            return (
                len(id) <= LONGEST_ID
                and isinstance(asked.get("variables"), dict | None)
                and isinstance(asked.get("operationName"), str | None)
            )
        case {"type": "subscribe"}:
            return False
        case {"type": "complete"}:
            return isinstance(message.get("id"), str)
        case {"type": str()}:
            return True
        case _:
            return False
