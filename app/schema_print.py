"""The API's schema as text, in the one order in which it is committed."""

import copy

from graphql import lexicographic_sort_schema

from resolvers.api import api


def printed() -> str:
    """Return the schema in GraphQL's schema language."""
    # Sorted here and not by Strawberry's `sort_schema`: the copy that is made forgets the enums'
    # Python classes, and a running API would hand resolvers plain strings.
    ordered = copy.copy(api)
    ordered._schema = lexicographic_sort_schema(api._schema)
    return ordered.as_str() + "\n"
