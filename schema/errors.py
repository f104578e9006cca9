"""Top-level errors: each has a code; what went wrong inside is logged, not shown."""

import logging
from collections.abc import Iterable, Iterator
from typing import Any

from graphql import GraphQLError, GraphQLSyntaxError
from strawberry.extensions import SchemaExtension

from models.errors import DomainError, RateLimited, Unavailable
from schema.context import Context
from schema.limits import reworded

log = logging.getLogger(__name__)


class Errors(SchemaExtension):
    """Gives every error its code, and masks those that nobody foresaw."""

    def __init__(self) -> None:
        self._executing = False
        self._streamed = False

    def on_operation(self) -> Iterator[None]:
        """Show the errors of a whole answer."""
        yield
        # A stream's results were shown one by one.
        if not self._streamed:
            self._show(self.execution_context.result)

    def on_execute(self) -> Iterator[None]:
        """Note that the document itself was in order."""
        self._executing = True
        yield

    def on_stream_result(self, result: Any) -> Iterator[None]:
        """Show the errors of one answer of a stream."""
        self._streamed = True
        self._show(result)
        yield

    def _show(self, result: Any) -> None:
        if errors := getattr(result, "errors", None):
            context: Context = self.execution_context.context
            result.errors = [
                shown(error, context.request_id, executing=self._executing) for error in errors
            ]


def shown(error: GraphQLError, request_id: str, *, executing: bool) -> GraphQLError:
    """Return the error as clients see it. `executing`: the document itself was in order."""
    message = error.message
    extensions = dict(error.extensions or {})
    original = error.original_error
    if isinstance(original, DomainError):
        message = original.message
        extensions |= _described(original)
    elif is_fault(error):
        message = "Something went wrong on our side."
        extensions = {"code": "INTERNAL_SERVER_ERROR", "requestId": request_id}
    elif isinstance(error, GraphQLSyntaxError) and (words := reworded(message)):
        message = words
        extensions = {"code": "QUERY_TOO_COMPLEX"}
    elif "code" not in extensions:
        extensions["code"] = _code(error, executing=executing)
    return GraphQLError(
        message,
        nodes=error.nodes,
        path=error.path,
        extensions=extensions,
        source=error.source,
        positions=error.positions,
    )


def is_fault(error: GraphQLError) -> bool:
    """Whether this is a bug of ours, rather than something about the request or the moment."""
    original = error.original_error
    # Errors without a path are about the request: its text or its variables.
    return (
        error.path is not None
        and original is not None
        and not isinstance(original, DomainError | GraphQLError)
    )


def log_faults(errors: Iterable[GraphQLError], request_id: str) -> None:
    """Log what is our fault with its traceback; what is the client's is not worth a line."""
    for error in errors:
        if is_fault(error):
            log.error(
                "request %s failed at %s", request_id, error.path, exc_info=error.original_error
            )
        elif isinstance(error.original_error, Unavailable) and error.original_error.__cause__:
            # Without a cause it was refused at once, after one that was logged.
            log.warning("unavailable: %.200s", error.original_error.__cause__)


def _code(error: GraphQLError, *, executing: bool) -> str:
    if isinstance(error, GraphQLSyntaxError):
        return "GRAPHQL_PARSE_FAILED"
    return "BAD_USER_INPUT" if executing else "GRAPHQL_VALIDATION_FAILED"


def _described(error: DomainError) -> dict[str, Any]:
    described: dict[str, Any] = {"code": error.code}
    if error.field:
        described["field"] = list(error.field)
    if isinstance(error, RateLimited):
        described["retryAfter"] = max(1, round(error.retry_after))
    return described
