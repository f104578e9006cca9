"""`GET /v1/person`: everything that is kept of someone, as lines of JSON, streamed."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass

import orjson
from starlette.requests import Request
from starlette.responses import Response

from app.admission import caller_of
from app.answers import failure
from app.streamed import Streamed
from app.wiring import Wiring
from models.api_key import Scope
from models.audit import Actor
from models.errors import NotFound, Unavailable
from schema.ids import from_global
from services import dossiers


@dataclass(frozen=True, slots=True)
class Dossier:
    """The endpoint. `wiring` gives the parts once the process has them."""

    wiring: Callable[[], Wiring]

    async def __call__(self, request: Request) -> Response:
        """Stream what is kept of the caller, or of `?user=ID`; the last line says that it is."""
        caller = caller_of(request)
        if caller is None:
            return failure(401, "UNAUTHENTICATED", "Sign in, or send an API key, to do this.")
        if caller.scopes is not None and Scope.PEOPLE not in caller.scopes:
            return failure(403, "FORBIDDEN", "This API key lacks the scope PEOPLE.")
        wiring = self.wiring()
        asked = request.query_params.get("user")
        try:
            whose = caller.user_id if asked is None else from_global("User", asked)
            by, about = Actor.of(caller), [f"User:{whose}"]
            async with wiring.recorder.record("exportPerson", by, about):
                await dossiers.check(whose, caller=caller, stores=wiring.stores)
            parts = _lines(whose, wiring)
            first = await anext(parts, b"")
        except NotFound as error:
            return failure(404, error.code, error.message)
        except Unavailable as error:
            return failure(503, error.code, error.message, retry_after=2)
        return Streamed(
            parts, first=first, media_type="application/x-ndjson", filename="export.ndjson"
        )


async def _lines(user_id: str, wiring: Wiring) -> AsyncGenerator[bytes]:
    count = 0
    async with aclosing(dossiers.everything(user_id, stores=wiring.stores)) as found:
        async for each in found:
            count += 1
            line = {"collection": each.collection, "document": each.document}
            yield orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
    # Whoever does not see this line has not got all of it.
    yield orjson.dumps({"complete": True, "documents": count}, option=orjson.OPT_APPEND_NEWLINE)
