"""How large a document may be, and what an answer may cost, before anything else looks at it."""

from collections.abc import Mapping
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
)

from schema.ruler import MOST, Ruler, literal

TOKENS = 1_000
OPERATIONS = 20
DEPTH = 10
ALIASES = 15
DIRECTIVES = 50
ROOT_MUTATIONS = 5
# What the fragments come to when they are all written out.
FIELDS = 2_000
# How many objects an answer may hold.
COST = 5_000
# How often validation may compare two fields, as those of one name are.
COMPARISONS = 10_000

# What takes something, or can be guessed at: once in a document, under whatever names.
_TAKING = "claimStock confirmClaim openGroup joinGroup buyDrawEntry placeOrder"
_GUESSING = """
signIn register completeRegistration refreshSession requestPasswordReset resetPassword
requestEmailVerification verifyEmail changePassword quoteCart offersFor exportPerson erasePerson
"""
ONCE = frozenset((_TAKING + _GUESSING).split())

_SEVERAL = "Send several requests."


@dataclass(frozen=True, slots=True)
class Found:
    """What is wrong with a document's shape, and which variables say how much it will cost."""

    errors: tuple[GraphQLError, ...]
    counting: frozenset[str]


def measured(document: DocumentNode, schema: GraphQLSchema) -> Found:
    """Return one error for each limit that an operation breaks, whatever its variables."""
    ruler = Ruler(document, schema)
    operations = _operations(document)
    if len(operations) > OPERATIONS:
        way = "Send those that you carry out."
        return Found((_refusal("operations", len(operations), OPERATIONS, way),), frozenset())
    errors: list[GraphQLError] = []
    for operation in operations:
        kind = schema.get_root_type(operation.operation)
        size = ruler.size_of(operation.selection_set, kind)
        roots = ruler.own_fields(operation.selection_set)
        directives = size.directives + len(operation.directives or ())
        deep = "Ask for what lies deeper by its id, in another request."
        found = [
            ("levels of fields", size.depth, DEPTH, deep),
            ("fields", size.fields, FIELDS, _SEVERAL),
            ("aliases", size.aliases, ALIASES, "Ask for lists, or send several requests."),
            ("directives", directives, DIRECTIVES, _SEVERAL),
        ]
        if operation.operation is OperationType.MUTATION:
            found.append(("mutations at once", roots.total(), ROOT_MUTATIONS, _SEVERAL))
        errors += [_refusal(*each) for each in found if each[1] > each[2]]
        errors += [
            _refusal(f"`{name}`", count, 1, "Send one request for each.")
            for name, count in sorted(roots.items())
            if name in ONCE and count > 1
        ]
    return Found(tuple(errors), frozenset(ruler.counting))


def too_costly(
    document: DocumentNode,
    schema: GraphQLSchema,
    operation: str | None,
    counts: Mapping[str, int | None],
) -> tuple[GraphQLError, ...]:
    """Return an error if an answer might hold too much. `counts` is what variables come to.

    Variables that are not among them count as their defaults.
    """
    asked = _operations(document)
    # Who names none of them is told so later.
    chosen = [node for node in asked if _name(node) == operation] or asked
    cost = max((_cost(document, schema, each, counts) for each in chosen), default=0)
    if cost <= COST:
        return ()
    message = (
        f"An answer may hold at most {COST:,} objects; this could hold {_shown(cost)}. "
        "Ask for fewer with `first`, or for what is in the lists in another request."
    )
    return (_too_complex(message),)


def reworded(message: str) -> str | None:
    """Return what to say where GraphQL itself gave up on a document for its size alone."""
    if f"more than {TOKENS} tokens" in message:
        way = "Send several requests, and long values as variables."
        return f"A document may have at most {TOKENS:,} tokens; this has more. {way}"
    if "nested too deeply" in message:
        return f"A document may have at most {DEPTH} levels of fields; this has many more."
    if message == "Validation aborted.":
        way = f"Name each field once at a place. {_SEVERAL}"
        return (
            f"Checking a document may take at most {COMPARISONS:,} steps of comparing fields of "
            f"the same name; this takes more. {way}"
        )
    return None


def _cost(
    document: DocumentNode,
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    counts: Mapping[str, int | None],
) -> int:
    ruler = Ruler(document, schema, {**_defaults(operation), **counts})
    size = ruler.size_of(operation.selection_set, schema.get_root_type(operation.operation))
    return size.total()


def _refusal(what: str, count: int, limit: int, way: str) -> GraphQLError:
    return _too_complex(
        f"A document may have at most {limit:,} {what}; this has {_shown(count)}. {way}"
    )


def _shown(count: int) -> str:
    return f"{count:,}" if count < MOST else "millions"


def _too_complex(message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": "QUERY_TOO_COMPLEX"})


def _operations(document: DocumentNode) -> list[OperationDefinitionNode]:
    return [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]


def _name(node: OperationDefinitionNode) -> str | None:
    return node.name.value if node.name else None


def _defaults(operation: OperationDefinitionNode) -> dict[str, int | None]:
    return {
        each.variable.name.value: literal(each.default_value) if each.default_value else None
        for each in operation.variable_definitions or ()
    }
