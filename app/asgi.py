"""The API process: one Starlette application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from app import events, imports
from app.admission import Admission, Admitted
from app.bounces import Bounces
from app.crowd import Crowd
from app.dossiers import Dossier
from app.exports import Exports
from app.headers import Guarded
from app.links import Subscriptions, Tracking
from app.metrics import Measured
from app.openapi import routes as openapi
from app.settings import Settings
from app.view import View
from app.wiring import Wiring, wired
from models.api_key import PREFIX
from models.errors import Unavailable
from models.imports import ImportKind
from models.store import ping
from schema.context import Context
from services.api_keys import Keys
from services.links import Links
from services.passwords import Passwords
from services.seals import Seals
from services.sessions import Attendance
from services.suppression import Suppression
from services.tokens import Access, Tokens
from services.vigils import Vigil

# Seconds for one database operation: clients are promised an answer within five.
PATIENCE = 3.0
BOUNCES = "/v1/bounces"
EVENTS = "/v1/events"
EXPORTS = "/v1/exports"
IMPORTS = "/v1/imports"
PERSON = "/v1/person"
PLAYGROUND = Path(__file__).parent / "playground"


class Api:
    """What requests share: made when the process starts, since clients belong to its loop."""

    def __init__(self, settings: Settings, patience: float) -> None:
        self.settings, self._patience = settings, patience
        self.tokens = Tokens(settings.signing_key())
        self.passwords = Passwords()
        links = Links(settings.public_url, settings.lasting_key())
        self._subscriptions, self._tracking = Subscriptions(links), Tracking(links)
        self._wiring: Wiring | None = None
        self._keys: Keys | None = None
        self._attendance: Attendance | None = None
        self._vigil: Vigil | None = None
        self.view = View(
            build=self.context,
            read=self.read,
            vigil=lambda: self.vigil,
            allowed_origins=settings.allowed_origins,
        )

    @property
    def wiring(self) -> Wiring:
        """Return the parts. They are there from the lifespan's start to its end."""
        assert self._wiring is not None
        return self._wiring

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        """Hold the parts open while the process serves."""
        async with wired(self.settings, patience=self._patience) as self._wiring:
            self._keys = Keys(self._wiring.stores)
            self._attendance = Attendance(self._wiring.stores)
            self._vigil = Vigil(self._wiring.stores, self._keys, self._wiring.clock)
            app.state.api = self
            try:
                yield
            finally:
                await self._vigil.close()
        self.passwords.close()

    @property
    def suppression(self) -> Suppression:
        """Return the suppression list, as long as the parts are there."""
        return Suppression(self.wiring.stores, self.settings.lasting_key())

    @property
    def keys(self) -> Keys:
        """Return what knows API keys, as long as the parts are there."""
        assert self._keys is not None
        return self._keys

    @property
    def vigil(self) -> Vigil:
        """Return what watches over connections, as long as the parts are there."""
        assert self._vigil is not None
        return self._vigil

    async def read(self, token: str) -> Access:
        """Return what an access token or an API key says. Raises Unauthenticated, Unavailable."""
        wall = self.wiring.clock.wall()
        if token.startswith(PREFIX):
            return await self.keys.read(token, now=wall)
        access = self.tokens.read(token, now=wall)
        assert self._attendance is not None
        principal = await self._attendance.check(access.principal, now=wall)
        return replace(access, principal=principal)

    def context(self, admitted: Admitted) -> Context:
        """Return the context of an admitted request."""
        wiring = self.wiring
        return Context(
            stores=wiring.stores,
            loaders=wiring.loaders,
            jobs=wiring.jobs,
            clock=wiring.clock,
            rulebook=wiring.rulebook,
            activity=wiring.activity,
            claims=wiring.claims,
            groups=wiring.groups,
            recorder=wiring.recorder,
            passwords=self.passwords,
            tokens=self.tokens,
            suppression=self.suppression,
            seals=Seals(self.settings.lasting_key()),
            keys=self.keys,
            request_id=admitted.request_id,
            address=admitted.address,
            client=admitted.client,
            dev=self.settings.dev,
            private_targets=self.settings.private_targets,
            principal=admitted.access.principal if admitted.access else None,
            expires_at=admitted.access.expires_at if admitted.access else None,
        )

    async def unsubscribe(self, request: Request) -> Response:
        """Show what a link in a message ends, or end it."""
        return await self._subscriptions.handle(request, self.wiring)

    async def click(self, request: Request) -> Response:
        """Lead on to where a link in a message leads."""
        return await self._tracking.click(request, self.wiring)

    async def opened(self, request: Request) -> Response:
        """Show the picture that says that a message was opened."""
        return await self._tracking.opened(request, self.wiring)

    async def healthz(self, _request: Request) -> Response:
        """Say that the process runs."""
        return PlainTextResponse("ok\n")

    async def readyz(self, _request: Request) -> Response:
        """Say whether requests can be served, and what is missing.

        Without the queue they can: work is written down and only done later.
        """
        try:
            await ping(self.wiring.database)
            mongodb = True
        except Unavailable:
            mongodb = False
        queue = await self.wiring.queue_answers()
        return JSONResponse(
            {"mongodb": "ok" if mongodb else "away", "queue": "ok" if queue else "away"},
            status_code=200 if mongodb else 503,
            headers={} if mongodb else {"retry-after": "2"},
        )

    async def metrics(self, _request: Request) -> Response:
        """Show the counters."""
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def build(settings: Settings, *, patience: float = PATIENCE) -> Starlette:
    """Return the application. Raises Invalid if the settings lack what it needs."""
    api = Api(settings, patience)
    middleware = [Middleware(Measured), Middleware(Guarded)]
    if settings.allowed_origins:
        middleware.append(
            Middleware(
                CORSMiddleware,
                allow_origins=settings.allowed_origins,
                allow_methods=["GET", "POST"],
                allow_headers=["authorization", "content-type", "last-event-id", "x-request-id"],
                expose_headers=["retry-after", "x-request-id"],
                max_age=600,
            )
        )
    bulk = {EVENTS: events.BODY} | {f"{IMPORTS}/{kind}": imports.BODY for kind in ImportKind}
    # A sixth of the time that an operation may take is for waiting until it begins.
    middleware.append(Middleware(Crowd, patience=patience / 6))
    middleware.append(Middleware(Admission, read=api.read, bulk=bulk))
    files = imports.Imports(lambda: api.wiring)
    return Starlette(
        routes=[
            Route("/graphql", api.view, methods=["GET", "POST"]),
            WebSocketRoute("/graphql", api.view),
            Route(EVENTS, events.Ingest(lambda: api.wiring).__call__, methods=["POST"]),
            Route(f"{IMPORTS}/{{kind}}", files.send, methods=["POST"]),
            Route(f"{IMPORTS}/{{kind}}/{{key}}", files.show),
            Route(f"{IMPORTS}/{{kind}}/{{key}}/errors", files.errors),
            Route(f"{EXPORTS}/{{kind}}", Exports(lambda: api.wiring).fetch),
            Route(
                BOUNCES,
                Bounces(lambda: api.wiring, lambda: api.suppression).__call__,
                methods=["POST"],
            ),
            Route(
                PERSON,
                Dossier(lambda: api.wiring, api.passwords).__call__,
                methods=["GET", "POST"],
            ),
            Route("/c/{token}", api.click),
            Route("/o/{token}", api.opened),
            Route("/u/{token}", api.unsubscribe, methods=["GET", "POST"]),
            Route("/healthz", api.healthz),
            Route("/readyz", api.readyz),
            Route("/metrics", api.metrics),
            *openapi.ROUTES,
            Mount("/", StaticFiles(directory=PLAYGROUND, html=True)),
        ],
        middleware=middleware,
        lifespan=api.lifespan,
    )
