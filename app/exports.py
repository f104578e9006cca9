"""`GET /v1/exports/KIND`: lists as files, made as they are read."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from app.admission import caller_of
from app.answers import check_parameters, failure, refusal, refused
from app.streamed import Streamed
from app.wiring import Wiring
from engine.incoming import Mismatch, instant
from models.api_key import Scope
from models.audit import Actor
from models.errors import DomainError, Invalid, NotFound
from models.export import Export, ExportKind
from models.paging import Span
from models.principal import Principal, Role
from services.exporting import files
from services.exporting.noting import noted

AT_ONCE = 4  # in a process: each keeps the database busy as long as somebody reads
_ASKED = frozenset(("format", "segment", "since", "until"))
_FORMATS = {
    "csv": (files.as_csv, "text/csv"),
    "ndjson": (files.as_json, "application/x-ndjson"),
}


@dataclass(slots=True)
class Exports:
    """The endpoint. `open` is how many are being sent."""

    wiring: Callable[[], Wiring]
    open: int = 0

    async def fetch(self, request: Request) -> Response:
        """Send a list."""
        principal = caller_of(request)
        if no := refusal(principal, Scope.EXPORTS):
            return no
        assert principal is not None
        if self.open >= AT_ONCE:
            message = f"{AT_ONCE} exports are being sent; try again when one is done."
            return failure(429, "RATE_LIMITED", message, retry_after=5)
        wiring = self.wiring()
        try:
            export = _asked(request, principal)
            write, media = _FORMATS[_format(request)]
            program = (await wiring.rulebook.current()).program
            file = noted(
                export,
                write(export, program, wiring.stores),
                recorder=wiring.recorder,
                by=Actor.of(principal),
            )
            parts = self._counted(file)
            first = await anext(parts, b"")
        except DomainError as error:
            return refused(error)
        name = f"{export.kind.value}.{_format(request)}"
        return Streamed(parts, first=first, media_type=media, filename=name)

    async def _counted(self, parts: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
        self.open += 1
        try:
            async with aclosing(parts):
                async for part in parts:
                    yield part
        finally:
            self.open -= 1


def _asked(request: Request, principal: Principal) -> Export:
    asked = request.query_params
    check_parameters(request, _ASKED)
    try:
        kind = ExportKind(request.path_params["kind"])
    except ValueError:
        raise NotFound(f"One can export {', '.join(ExportKind)}.") from None
    return Export(
        kind=kind,
        personal=_may_see_people(principal),
        segment=asked.get("segment", ""),
        span=Span(_time(request, "since"), _time(request, "until")),
    )


def _may_see_people(principal: Principal) -> bool:
    """Whether someone is given personal data: a key that is for it, or an administrator."""
    if principal.scopes is not None:
        return Scope.PERSONAL in principal.scopes
    return Role.ADMIN in principal.roles


def _format(request: Request) -> str:
    asked = request.query_params.get("format", "csv")
    if asked not in _FORMATS:
        raise Invalid(f"A file is one of {', '.join(_FORMATS)}.", field=("format",))
    return asked


def _time(request: Request, name: str) -> datetime | None:
    said = request.query_params.get(name)
    try:
        return None if said is None else instant(said, (name,))
    except Mismatch as error:
        raise Invalid(f"{name} {error.reason}.", field=(name,)) from None
