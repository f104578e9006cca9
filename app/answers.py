"""What the addresses beside GraphQL have in common: who may call, and how they say no."""

from collections.abc import Collection

import orjson
from starlette.requests import Request
from starlette.responses import Response

from models.api_key import Scope
from models.errors import Conflict, DomainError, Invalid, RateLimited
from models.principal import Principal, Role

_ALLOWED = frozenset((Role.ADMIN, Role.INTEGRATOR))


def refusal(principal: Principal | None, scope: Scope) -> Response | None:
    """Return the answer to a caller who is not an integrator, or whose key is for other things."""
    if principal is None:
        return failure(401, "UNAUTHENTICATED", "Send an API key as `Authorization: Bearer …`.")
    if not principal.roles & _ALLOWED:
        return failure(403, "FORBIDDEN", "Your roles do not allow this.")
    if principal.scopes is not None and scope not in principal.scopes:
        return failure(403, "FORBIDDEN", f"This API key lacks the scope {scope.name}.")
    return None


def check_parameters(request: Request, known: Collection[str]) -> None:
    """Raise Invalid for a parameter of the address that there is not: it may be misspelt."""
    if unknown := request.query_params.keys() - set(known):
        there = ", ".join(sorted(known))
        raise Invalid(f"There is no parameter {min(unknown)[:50]!r}; there are {there}.")


_STATUS = {
    "NOT_FOUND": 404,
    "UNKNOWN_USER": 404,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "RATE_LIMITED": 429,
    "UNAVAILABLE": 503,
}


def refused(error: DomainError) -> Response:
    """Return the answer to what a service refuses."""
    status = 409 if isinstance(error, Conflict) else _STATUS.get(error.code, 400)
    wait = int(error.retry_after) or 1 if isinstance(error, RateLimited) else 0
    return failure(status, error.code, error.message, retry_after=2 if status == 503 else wait)


def failure(status: int, code: str, message: str, *, retry_after: int = 0) -> Response:
    """Return an answer worded as GraphQL's errors are."""
    body = orjson.dumps({"errors": [{"message": message, "extensions": {"code": code}}]})
    headers = {"retry-after": str(retry_after)} if retry_after else {}
    return Response(body, status, headers, media_type="application/json")
