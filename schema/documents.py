"""Reading a document: parsed and checked once, however often the same text comes."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    get_operation_ast,
    parse,
    validate,
)
from graphql.validation import NoSchemaIntrospectionCustomRule, specified_rules
from graphql.validation.rules import overlapping_fields_can_be_merged
from strawberry.extensions import SchemaExtension
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule
from strawberry.types import ExecutionContext
from strawberry.types.graphql import OperationType

from models.user import STAFF
from schema.context import Context
from schema.limits import COMPARISONS, TOKENS, Found, measured, reworded, too_costly
from schema.ruler import amount

# The way that graphql-core offers: it is read at each validation.
overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = COMPARISONS

# Characters of the texts of which something is kept. More would make Python's collector pause for
# long: a document comes to thousands of objects.
_ROOM = 256 * 1024
# Longer texts are read each time.
_LONGEST_KEPT = 16_384
# Whoever has made more mistakes is told the first of them.
_MOST_ERRORS = 10
_NEEDS_STREAM = GraphQLError(
    "A subscription is answered by a stream: send `Accept: text/event-stream`, or subscribe over "
    "WebSocket with the protocol `graphql-transport-ws`.",
    extensions={"code": "NEEDS_STREAM"},
)
_NEEDS_NAME = GraphQLError(
    "The document has several operations: say with `operationName` which is meant.",
    extensions={"code": "BAD_USER_INPUT"},
)
_RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)


T = TypeVar("T")


@dataclass(slots=True)
class _Kept(Generic[T]):
    """What was made of texts: of those asked for last, as long as there is room."""

    make: Callable[..., T]
    _found: OrderedDict[tuple[str, Hashable], T] = field(default_factory=OrderedDict)
    _size: int = 0

    def of(self, text: str, *rest: Hashable) -> T:
        """Return what is made of a text and the rest."""
        if len(text) > _LONGEST_KEPT:
            return self.make(text, *rest)
        key = (text, rest)
        if key in self._found:
            self._found.move_to_end(key)
            return self._found[key]
        made = self._found[key] = self.make(text, *rest)
        self._size += len(text)
        while self._size > _ROOM:
            (oldest, _), _ = self._found.popitem(last=False)
            self._size -= len(oldest)
        return made


class Documents(SchemaExtension):
    """Parses, measures and validates, in this order, stopping at the first that fails."""

    def on_parse(self) -> Iterator[None]:
        """Take the document from the cache, or parse it into the cache."""
        text = self.execution_context.query
        # Strawberry parses again what does not parse here, and shapes the error: one that leaves
        # this hook would end a whole socket.
        self.execution_context.parse_options = {"max_tokens": TOKENS}
        if text:
            with suppress(GraphQLError):
                self.execution_context.graphql_document = parsed(text)
        yield

    def on_validate(self) -> Iterator[None]:
        """Take the verdict from the cache, or reach it."""
        execution = self.execution_context
        context: Context = execution.context
        errors = verdict(
            execution.schema._schema,
            execution.query or "",
            execution.operation_name,
            execution.variables,
            introspection=may_introspect(context),
        )
        if not context.can_follow and execution.operation_type is OperationType.SUBSCRIPTION:
            errors = (*errors, _NEEDS_STREAM)
        if not errors and _is_any_of_several(execution):
            errors = (_NEEDS_NAME,)
        execution.pre_execution_errors = list(errors) or None
        # Strawberry validates once more when it finds no verdict here; an empty one stops it.
        execution.validation_rules = ()
        yield


def _is_any_of_several(execution: ExecutionContext) -> bool:
    """Whether a document has several operations and the request names none of them.

    Strawberry would carry out the first; the specification has nothing carried out.
    """
    if execution._provided_operation_name is not None or execution.graphql_document is None:
        return False
    return get_operation_ast(execution.graphql_document) is None


def may_introspect(context: Context) -> bool:
    """Whether the caller may ask for the schema itself: the shop's people, or anyone in dev."""
    principal = context.principal
    return context.dev or (principal is not None and bool(principal.roles & STAFF))


def parsed(text: str) -> DocumentNode:
    """Return the parsed document. Raises GraphQLError."""
    return _documents.of(text)


def verdict(
    schema: GraphQLSchema,
    text: str,
    operation: str | None,
    variables: Mapping[str, Any] | None,
    *,
    introspection: bool,
) -> tuple[GraphQLError, ...]:
    """Return what is wrong with a document that parses, or with an answer of that size."""
    found = _verdicts.of(text, schema, introspection)
    if found.errors:
        return found.errors
    given = variables or {}
    counts = tuple(
        (name, amount(given[name]))
        for name in sorted(found.counting)
        if given.get(name) is not None
    )
    return _prices.of(text, schema, operation, counts)


def _parse(text: str) -> DocumentNode:
    document = parse(text, max_tokens=TOKENS)
    # Tokens know each other, in circles: without them a document goes when nobody needs it, and
    # does not wait for Python's collector. Places are told without them.
    token = document.loc.start_token if document.loc else None
    while token is not None:
        after, token.prev, token.next = token.next, None, None
        token = after
    return document


def _judge(text: str, schema: GraphQLSchema, introspection: bool) -> Found:
    document = parsed(text)
    found = measured(document, schema)
    if found.errors:
        return found
    hidden = () if introspection else (NoSchemaIntrospectionCustomRule,)
    errors = validate(
        schema, document, (*_RULES, *hidden), max_errors=_MOST_ERRORS, hide_suggestions=True
    )
    return Found(tuple(map(_worded, errors)), found.counting)


def _price(
    text: str,
    schema: GraphQLSchema,
    operation: str | None,
    counts: tuple[tuple[str, int | None], ...],
) -> tuple[GraphQLError, ...]:
    return too_costly(parsed(text), schema, operation, dict(counts))


def _worded(error: GraphQLError) -> GraphQLError:
    words = reworded(error.message)
    if words is None:
        return error
    return GraphQLError(words, extensions={"code": "QUERY_TOO_COMPLEX"})


_documents = _Kept(_parse)
_verdicts = _Kept(_judge)
_prices = _Kept(_price)
