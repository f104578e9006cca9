"""Reading a document: parsed and checked once, however often the same text comes."""

from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache

from graphql import DocumentNode, GraphQLError, GraphQLSchema, parse
from graphql.validation import NoSchemaIntrospectionCustomRule, specified_rules
from strawberry.extensions import SchemaExtension
from strawberry.schema.schema import validate_document

from models.user import STAFF
from schema.context import Context
from schema.limits import TOKENS, too_large

# Longer texts are read each time: a cache of them would hold a lot of memory for few hits.
_LONGEST_KEPT = 16_384
_KEPT = 512


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
            introspection=may_introspect(context),
        )
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


def verdict(schema: GraphQLSchema, text: str, *, introspection: bool) -> tuple[GraphQLError, ...]:
    """Return what is wrong with a document that parses."""
    judge = _kept_verdict if len(text) <= _LONGEST_KEPT else _judge
    return judge(schema, text, introspection)


def _parse(text: str) -> DocumentNode:
    return parse(text, max_tokens=TOKENS)


def _judge(schema: GraphQLSchema, text: str, introspection: bool) -> tuple[GraphQLError, ...]:
    document = parsed(text)
    if errors := too_large(document):
        return tuple(errors)
    hidden = () if introspection else (NoSchemaIntrospectionCustomRule,)
    return tuple(validate_document(schema, document, (*specified_rules, *hidden)))


_kept_document = lru_cache(_KEPT)(_parse)
_kept_verdict = lru_cache(_KEPT)(_judge)
