"""Where the description is served: as JSON, and as a page."""

import json
from functools import cache

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from app.openapi.document import described
from app.openapi.page import page


@cache
def printed() -> str:
    """Return the description as it is committed and served."""
    return json.dumps(described(), indent=2, ensure_ascii=False) + "\n"


@cache
def _shown() -> str:
    return page(described())


async def _as_json(_request: Request) -> Response:
    return Response(printed(), media_type="application/json")


async def _as_page(_request: Request) -> Response:
    return HTMLResponse(_shown())


ROUTES = [Route("/openapi.json", _as_json), Route("/docs", _as_page)]
