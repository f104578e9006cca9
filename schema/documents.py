"""Reading a document: parsed and checked once, however often the same text comes."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any

from graphql import DocumentNode, GraphQLError, GraphQLSchema, parse, validate
from graphql.validation import NoSchemaIntrospectionCustomRule, specified_rules
from graphql.validation.rules import overlapping_fields_can_be_merged
from strawberry.extensions import SchemaExtension
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule
from strawberry.types.graphql import OperationType

from models.user import STAFF
from schema.context import Context
from schema.limits import COMPARISONS, TOKENS, Found, measured, reworded, too_costly
from schema.ruler import amount

# The way that graphql-core offers: it is read at each validation.
overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = COMPARISONS

# Longer texts are read each time: a cache of them would hold a lot of memory for few hits.
_LONGEST_KEPT = 16_384
_KEPT = 512
# Whoever has made more mistakes is told the first of them.
_MOST_ERRORS = 10
_NEEDS_STREAM = GraphQLError(
    "A subscription is answered by a stream: send `Accept: text/event-stream`, or subscribe over "
    "WebSocket with the protocol `graphql-transport-ws`.",
    extensions={"code": "NEEDS_STREAM"},
)
_RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)


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
        execution.pre_execution_errors = list(errors) or None
        # Strawberry validates once more when it finds no verdict here; an empty one stops it.
        execution.validation_rules = ()
        yield


def may_introspect(context: Context) -> bool:
    """Whether the caller may ask for the schema itself: the shop's people, or anyone in dev."""
    principal = context.principal
    return context.dev or (principal is not None and bool(principal.roles & STAFF))


def parsed(text: str) -> DocumentNode:
    """Return the parsed document. Raises GraphQLError."""
    return _kept_document(text) if len(text) <= _LONGEST_KEPT else _parse(text)


def verdict(
    schema: GraphQLSchema,
    text: str,
    operation: str | None,
    variables: Mapping[str, Any] | None,
    *,
    introspection: bool,
) -> tuple[GraphQLError, ...]:
    """Return what is wrong with a document that parses, or with an answer of that size."""
    keep = len(text) <= _LONGEST_KEPT
    found = (_kept_verdict if keep else _judge)(schema, text, introspection)
    if found.errors:
        return found.errors
    given = variables or {}
    counts = tuple(
        (name, amount(given[name]))
        for name in sorted(found.counting)
        if given.get(name) is not None
    )
    return (_kept_price if keep else _price)(schema, text, operation, counts)


def _parse(text: str) -> DocumentNode:
    return parse(text, max_tokens=TOKENS)


def _judge(schema: GraphQLSchema, text: str, introspection: bool) -> Found:
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
    schema: GraphQLSchema,
    text: str,
    operation: str | None,
    counts: tuple[tuple[str, int | None], ...],
) -> tuple[GraphQLError, ...]:
    return too_costly(parsed(text), schema, operation, dict(counts))


def _worded(error: GraphQLError) -> GraphQLError:
    words = reworded(error.message)
    if words is None:
        return error
    return GraphQLError(words, extensions={"code": "QUERY_TOO_COMPLEX"})


_kept_document = lru_cache(_KEPT)(_parse)
_kept_verdict = lru_cache(_KEPT)(_judge)
_kept_price = lru_cache(_KEPT)(_price)
