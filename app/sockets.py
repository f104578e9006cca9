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
from strawberry.subscriptions.protocols.graphql_transport_ws.types import ConnectionInitMessage

from schema.context import Context
from schema.streams import Asked, Refused
from services.vigils import Watched

if TYPE_CHECKING:
    from app.view import View

log = logging.getLogger(__name__)

SUBSCRIPTIONS = 20  # on one connection
CONNECTIONS = 10  # of one caller to one process
# Seconds for which a client may take nothing at all.
PATIENCE = 30.0


class Socket(BaseGraphQLTransportWSHandler[Context, None]):
    """Ends with its session: at the token's expiry, on signing out, on revocation."""

    view: "View"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._watch: asyncio.Task[None] | None = None
        self._held = ExitStack()

    @staticmethod
    def _get_pre_execution_close_reason(error: GraphQLError) -> str | None:  # noqa: ARG004
        # A mistake in one operation must not end all others on the same socket.
        return None

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        """Greet, then begin to watch the session."""
        await super().handle_connection_init(message)
        if not self.connection_acknowledged or self._watch is not None:
            return
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
