"""GraphQL over HTTP and WebSocket: Strawberry's view with the manners that clients rely on."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import orjson
from cross_web import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http import GraphQLHTTPResponse
from strawberry.http.base import BaseRequestProtocol
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types.unset import UnsetType

from app.admission import Admitted, Refusal
from app.server_events import ServerEvents, wants_stream
from app.sockets import INIT, Socket
from models.errors import Unauthenticated
from resolvers.api import api
from schema.context import Context
from schema.scalars import WRITING
from schema.streams import Streams
from services.tokens import Access
from services.vigils import Vigil

_JSON = "application/json"
_GRAPHQL_JSON = "application/graphql-response+json"

Build = Callable[[Admitted], Context]


class View(GraphQL[Context, None]):
    """The schema at one address. `build` makes a context for an admitted request."""

    graphql_transport_ws_handler_class = Socket

    def __init__(
        self,
        *,
        build: Build,
        read: Callable[[str], Awaitable[Access]],
        vigil: Callable[[], Vigil],
        allowed_origins: tuple[str, ...],
    ) -> None:
        super().__init__(
            api,
            graphql_ide=None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            connection_init_wait_timeout=timedelta(seconds=INIT),
            allowed_origins=allowed_origins,
        )
        self._build = build
        self._read = read
        self._vigil = vigil
        self.streams = Streams(api)

    @property
    def vigil(self) -> Vigil:
        """Return what watches over connections."""
        return self._vigil()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; what Strawberry words as plain text is worded as GraphQL errors are."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        if wants_stream(scope):
            await ServerEvents(self, scope, receive, send).serve()
            return
        try:
            response = await self.run(Request(scope, receive))
        except HTTPException as error:
            status = 415 if error.reason == "Unsupported content type" else error.status_code
            request_id = scope["state"]["admitted"].request_id
            await Refusal(status, "BAD_REQUEST", error.reason, request_id).send(send)
            return
        await response(scope, receive, send)

    async def get_context(
        self,
        request: Request | WebSocket,
        response: Response | WebSocket,  # noqa: ARG002 Strawberry passes it
    ) -> Context:
        """Make the request's context."""
        context = self._build(request.scope["state"]["admitted"])
        context.can_follow = isinstance(request, WebSocket) or wants_stream(request.scope)
        return context

    async def on_ws_connect(self, context: Context) -> UnsetType | dict[str, object] | None:
        """Let a socket in by the access token in its first message."""
        given = context.connection_params.get("authorization") or context.connection_params.get(
            "Authorization"
        )
        scheme, _, token = str(given or "").partition(" ")
        if scheme.lower() != "bearer":
            raise ConnectionRejectionError
        try:
            access = await self._read(token.strip())
        except Unauthenticated as error:
            raise ConnectionRejectionError from error
        context.principal = access.principal
        context.expires_at = access.expires_at
        return UnsetType()

    def should_render_graphql_ide(self, request: BaseRequestProtocol) -> bool:  # noqa: ARG002
        """Never: a browser's `Accept: */*` is a client like any other."""
        return False

    def decode_json(self, data: str | bytes) -> object:
        """Read JSON."""
        return orjson.loads(data)

    def parse_json(self, data: str | bytes) -> dict[str, Any]:
        """Read a request, or its variables: an object, and nothing else."""
        value = super().parse_json(data)
        if not isinstance(value, dict):
            raise HTTPException(400, "A GraphQL request is a JSON object")
        return value

    def encode_json(self, data: object) -> str:
        """Write JSON as text: bytes would travel in binary frames, which no client reads."""
        return orjson.dumps(data, option=WRITING).decode()

    async def get_sub_response(self, request: Request | WebSocket) -> Response:
        """Keep the request's Accept with the answer that is being made."""
        response = await super().get_sub_response(request)
        accept = request.headers.get("accept", "")
        response.media_type = _GRAPHQL_JSON if _GRAPHQL_JSON in accept else _JSON
        return response

    def create_response(
        self,
        response_data: GraphQLHTTPResponse | list[GraphQLHTTPResponse],
        sub_response: Response,
    ) -> Response:
        """Give the answer its status: request errors 400, too many 429, away 503, else 200."""
        assert not isinstance(response_data, list)  # batching is off
        body: dict[str, Any] = dict(response_data)
        errors: list[dict[str, Any]] = body.get("errors") or []
        codes = {str((error.get("extensions") or {}).get("code")) for error in errors}
        media_type = sub_response.media_type or _JSON
        status, headers = 200, {}
        if "UNAVAILABLE" in codes:
            status, headers = 503, {"retry-after": "2"}
        elif "RATE_LIMITED" in codes:
            status, headers = 429, {"retry-after": str(_longest_wait(errors))}
        elif body.get("data") is None and errors and not any("path" in error for error in errors):
            # The request itself was wrong, and nothing was executed.
            body.pop("data", None)
            status = 400 if media_type == _GRAPHQL_JSON else 200
        return Response(
            orjson.dumps(body, option=WRITING),
            status_code=status,
            headers=headers,
            media_type=f"{media_type}; charset=utf-8",
        )


def _longest_wait(errors: list[Any]) -> int:
    return max(int((error.get("extensions") or {}).get("retryAfter", 1)) for error in errors)
