"""`/v1/imports`: files of people, products, orders and events, sent, followed and listed."""

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from app.admission import caller_of
from app.answers import check_parameters, failure, refusal, refused
from app.streamed import Streamed
from app.wiring import Wiring
from models.api_key import Scope
from models.audit import Actor
from models.errors import DomainError, Invalid, NotFound
from models.ids import new_id
from models.imports import Import, ImportKind, Options, RowError
from models.paging import Window
from models.store import Stores
from schema.ids import to_global
from services import cells
from services.importing import receiving
from services.importing.tables import DELIMITERS

BODY = 100 * 1024 * 1024
_PAGE = 500
_ASKED = frozenset(("key", "format", "delimiter", "mapping", "dryRun", "points", "consents"))
_TABLES = {
    "text/csv": "csv",
    "application/x-ndjson": "ndjson",
    "application/ndjson": "ndjson",
    "application/jsonl": "ndjson",
}
_YES: Mapping[str, bool] = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Imports:
    """The endpoints. `wiring` gives the parts once the process has them."""

    wiring: Callable[[], Wiring]

    async def send(self, request: Request) -> Response:
        """Take a file in: 202 once all of it is kept."""
        principal = caller_of(request)
        if no := refusal(principal, Scope.IMPORTS):
            return no
        wiring = self.wiring()
        desk = receiving.Desk(
            stores=wiring.stores,
            jobs=wiring.jobs,
            clock=wiring.clock,
            recorder=wiring.recorder,
            by=Actor.of(principal),
        )
        try:
            job = await receiving.receive(_asked(request, wiring), request.stream(), desk)
        except ClientDisconnect:
            return failure(400, "INVALID", "The file never arrived.")
        except DomainError as error:
            return refused(error)
        return _json(shown(job), 202)

    async def show(self, request: Request) -> Response:
        """Say how far an import has come."""
        if no := refusal(caller_of(request), Scope.IMPORTS):
            return no
        try:
            job = await _found(request, self.wiring().stores)
        except DomainError as error:
            return refused(error)
        return _json(shown(job), 200)

    async def errors(self, request: Request) -> Response:
        """List the rows that were refused, as CSV or as lines of JSON."""
        if no := refusal(caller_of(request), Scope.IMPORTS):
            return no
        stores, key = self.wiring().stores, request.path_params["key"]
        as_csv = request.query_params.get("format", "csv") == "csv"
        parts = _errors(stores, key, as_csv=as_csv)
        try:
            await _found(request, stores)
            first = await anext(parts, b"")
        except DomainError as error:
            return refused(error)
        return Streamed(
            parts,
            first=first,
            media_type="text/csv" if as_csv else "application/x-ndjson",
            filename="errors.csv" if as_csv else "errors.ndjson",
        )


async def _found(request: Request, stores: Stores) -> Import:
    job = await stores.imports.get(request.path_params["key"])
    if job.kind.value != request.path_params["kind"]:
        raise NotFound("There is no such import.")
    return job


def shown(job: Import) -> dict[str, Any]:
    """Return an import as the endpoints show it."""
    return {
        "id": to_global("Import", job.id),
        "key": job.id,
        "kind": job.kind.value,
        "state": job.state.value,
        "dryRun": job.options.dry_run,
        "startedAt": job.started_at,
        "finishedAt": job.finished_at,
        "rows": job.rows,
        "read": job.tally.read,
        "written": job.written,
        "created": job.tally.created,
        "updated": job.tally.updated,
        "unchanged": job.tally.unchanged,
        "refused": job.tally.refused,
        "reason": job.reason or None,
    }


async def _errors(stores: Stores, key: str, *, as_csv: bool) -> AsyncGenerator[bytes]:
    if as_csv:
        yield cells.line("row", "field", "code", "message", "hint").encode()
    start: tuple[str, ...] | None = None
    while True:
        page = await stores.import_errors.page(key, Window(limit=_PAGE, start=start))
        show = _csv if as_csv else _line
        yield b"".join(map(show, page.items))
        if not page.more:
            return
        start = (str(page.items[-1].row),)


def _csv(error: RowError) -> bytes:
    return cells.line(str(error.row), error.field, error.code, error.message, error.hint).encode()


def _line(error: RowError) -> bytes:
    return orjson.dumps(error, option=orjson.OPT_APPEND_NEWLINE)


def _asked(request: Request, wiring: Wiring) -> Import:
    asked = request.query_params
    check_parameters(request, _ASKED)
    try:
        kind = ImportKind(request.path_params["kind"])
    except ValueError:
        raise NotFound(f"One can import {', '.join(ImportKind)}.") from None
    principal = caller_of(request)
    assert principal is not None
    return Import(
        id=asked.get("key") or new_id(),
        kind=kind,
        table=_table(request),
        mapping=asked.get("mapping", ""),
        by=principal.user_id or principal.session_id,
        started_at=wiring.clock.now(),
        touched_at=wiring.clock.wall(),
        options=Options(
            dry_run=_yes(request, "dryRun"),
            points=_yes(request, "points"),
            consents=_yes(request, "consents"),
        ),
    )


def _table(request: Request) -> str:
    asked = request.query_params
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    table = asked.get("format") or _TABLES.get(kind)
    if table not in ("csv", "ndjson"):
        raise Invalid(
            "Say what the file is: Content-Type text/csv or application/x-ndjson, or format=csv.",
            code="UNSUPPORTED_MEDIA_TYPE",
            field=("format",),
        )
    delimiter = asked.get("delimiter")
    if delimiter is not None and (delimiter not in DELIMITERS or table != "csv"):
        raise Invalid(
            f"The delimiter of a CSV file is {', '.join(DELIMITERS)}.", field=("delimiter",)
        )
    return delimiter or table


def _yes(request: Request, name: str) -> bool:
    said = request.query_params.get(name, "false")
    if said not in _YES:
        raise Invalid(f"{name} is true or false.", field=(name,))
    return _YES[said]


def _json(body: dict[str, Any], status: int) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json")
