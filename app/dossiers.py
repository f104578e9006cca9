"""`/v1/person`: everything that is kept of someone, as lines of JSON, streamed.

GET gives that of others to those who may ask for it, POST their own to whoever sends a password.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass

import msgspec
import orjson
from starlette.requests import Request
from starlette.responses import Response

from app.admission import Admitted, caller_of
from app.answers import check_parameters, failure, refused
from app.streamed import Streamed
from app.wiring import Wiring
from models.api_key import Scope
from models.audit import Actor
from models.errors import DomainError, Invalid
from models.principal import Principal
from resolvers import naming
from services import dossiers
from services.loaders import Loaders
from services.passwords import Passwords


class _Body(msgspec.Struct):
    password: str


@dataclass(frozen=True, slots=True)
class _Asking:
    caller: Principal
    loaders: Loaders


@dataclass(frozen=True, slots=True)
class Dossier:
    """The endpoint. `wiring` gives the parts once the process has them."""

    wiring: Callable[[], Wiring]
    passwords: Passwords

    async def __call__(self, request: Request) -> Response:
        """Stream what is kept of the caller, of `?user=ID`, or of `?externalId=ID`.

        The last line says that it is all.
        """
        caller = caller_of(request)
        if caller is None:
            return failure(401, "UNAUTHENTICATED", "Sign in, or send an API key, to do this.")
        if caller.scopes is not None and Scope.PEOPLE not in caller.scopes:
            return failure(403, "FORBIDDEN", "This API key lacks the scope PEOPLE.")
        wiring = self.wiring()
        given = request.query_params
        try:
            check_parameters(request, ("user", "externalId"))
            asking = _Asking(caller, wiring.loaders)
            whose = await naming.whose(
                asking, given.get("user"), given.get("externalId"), own="user"
            )
            by, about = Actor.of(caller), [f"User:{whose}"]
            async with wiring.recorder.record("exportPerson", by, about):
                await self._check(whose, caller, request, wiring)
            parts = _lines(whose, wiring)
            first = await anext(parts, b"")
        except DomainError as error:
            return refused(error)
        return Streamed(
            parts, first=first, media_type="application/x-ndjson", filename="export.ndjson"
        )

    async def _check(self, whose: str, caller: Principal, request: Request, wiring: Wiring) -> None:
        admitted: Admitted = request.scope["state"]["admitted"]
        await dossiers.check(
            whose,
            password=_password(await request.body()) if request.method == "POST" else None,
            address=admitted.address,
            caller=caller,
            stores=wiring.stores,
            passwords=self.passwords,
            wall=wiring.clock.wall(),
        )


def _password(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Body).password
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f'The body is {{"password": "…"}}: {error}.') from None


async def _lines(user_id: str, wiring: Wiring) -> AsyncGenerator[bytes]:
    count = 0
    async with aclosing(dossiers.everything(user_id, stores=wiring.stores)) as found:
        async for each in found:
            count += 1
            line = {"collection": each.collection, "document": each.document}
            yield orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
    # Whoever does not see this line has not got all of it.
    yield orjson.dumps({"complete": True, "documents": count}, option=orjson.OPT_APPEND_NEWLINE)
