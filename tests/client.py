"""A client of the real API, for tests: through ASGI, with a real database behind it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx2
import uvicorn
from pydantic import SecretStr
from starlette.applications import Starlette

from app.admission import Admitted
from app.asgi import build
from app.serve import SERVED
from app.settings import Settings
from models.ids import new_id
from models.letter import Purpose
from models.principal import Principal, Role
from models.store import Stores
from models.user import User
from schema.context import Context
from schema.ids import to_global
from services import sessions
from services.tokens import Access, Tokens
from tests.waiting import until

SECRET = "a secret for tests, long enough to sign"
NO_REDIS = "redis://127.0.0.1:1/0"
REGISTER = """
mutation ($input: RegisterInput!) {
  register(input: $input) { requested userErrors { code field message } }
}
"""
COMPLETE = """
mutation ($input: CompleteRegistrationInput!) {
  completeRegistration(input: $input) {
    user { id email name roles version emailVerifiedAt }
    session { accessToken refreshToken expiresAt }
    userErrors { code field message }
  }
}
"""
PATIENCE = 60.0  # seconds for the database: a slow machine is not a server that is away


@dataclass
class Caller:
    """Someone signed in: a row in the database and a token."""

    id: str
    token: str
    refresh_token: str
    access: Access

    @property
    def principal(self) -> Principal:
        return self.access.principal

    @property
    def global_id(self) -> str:
        return to_global("User", self.id)


class Api:
    """Asks GraphQL questions as someone, or as nobody."""

    def __init__(self, app: Starlette, http: httpx2.AsyncClient) -> None:
        self.http = http
        self.stores: Stores = app.state.api.wiring.stores
        self.tokens = Tokens(SECRET)
        # Makes the context of a request, for what is asked without HTTP.
        self.context: Callable[[Admitted], Context] = app.state.api.context

    async def caller(self, *roles: Role, **fields: Any) -> Caller:
        """Make a person with these roles, and sign them in."""
        now = datetime.now(UTC)
        user = User(id=new_id(), created_at=now, roles=frozenset(roles), **fields)
        await self.stores.users.add(user)
        pair = await sessions.open_session(user, stores=self.stores, tokens=self.tokens, wall=now)
        access = self.tokens.read(pair.access_token, now=now)
        return Caller(user.id, pair.access_token, pair.refresh_token, access)

    async def join(self, email: str, password: str, name: str = "") -> dict[str, Any]:
        """Register, and complete it with what the letter would say; return the payload."""
        await self.ask(REGISTER, {"input": {"email": email, "name": name}})
        letters = self.stores.letters.documents.find({"purpose": Purpose.JOIN.value})
        (letter,) = await letters.sort("made_at", -1).limit(1).to_list(1)
        seals = self.context(Admitted("", "", None)).seals
        token = seals.token(letter["_id"], Purpose.JOIN)
        answer = await self.ask(COMPLETE, {"input": {"token": token, "password": password}})
        payload: dict[str, Any] = answer["completeRegistration"]
        return payload

    async def post(
        self,
        query: str,
        variables: dict[str, Any] | None = None,
        *,
        by: Caller | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx2.Response:
        """Send one operation and return the whole response."""
        given = {"authorization": f"Bearer {by.token}"} if by else {}
        return await self.http.post(
            "/graphql",
            json={"query": query, "variables": variables or {}},
            headers=given | (headers or {}),
        )

    async def ask(
        self, query: str, variables: dict[str, Any] | None = None, *, by: Caller | None = None
    ) -> dict[str, Any]:
        """Send one operation and return its data; anything but data fails the test."""
        answer = (await self.post(query, variables, by=by)).json()
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    async def code(
        self, query: str, variables: dict[str, Any] | None = None, *, by: Caller | None = None
    ) -> str | None:
        """Send one operation and return the code of its top-level error, if it has one."""
        answer = (await self.post(query, variables, by=by)).json()
        return answer["errors"][0]["extensions"]["code"] if "errors" in answer else None


@asynccontextmanager
async def serving(*, patience: float = PATIENCE, **settings: Any) -> AsyncIterator[Api]:
    """Run the application without a socket."""
    app = build(Settings(secret=SecretStr(SECRET), **settings), patience=patience)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=app), base_url="http://shop.test", timeout=60
        ) as http,
    ):
        yield Api(app, http)


@asynccontextmanager
async def listening(**settings: Any) -> AsyncIterator[str]:
    """Run the application on a socket of its own; yields "127.0.0.1:port"."""
    app = build(Settings(secret=SecretStr(SECRET), **settings), patience=PATIENCE)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", **SERVED))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await until(lambda: server.started)
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await serving
