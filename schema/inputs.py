"""Inputs made of what clients send: how, is worked out once for each type.

Strawberry by itself looks at the types' annotations again for every value.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING
from typing import Any, TypeAlias

from graphql import (
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLSchema,
    get_nullable_type,
    is_leaf_type,
)
from strawberry.types.base import StrawberryMaybe

Convert: TypeAlias = Callable[[Any], Any]

_BACK = "strawberry-definition"


def prepare_inputs(schema: GraphQLSchema) -> None:
    """Let each input type be built without another look at its annotations."""
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLInputObjectType):
            kind.extensions[_BACK].from_input = _Builder(kind)


class _Builder:
    """Builds the inputs of one type, of values that GraphQL has checked."""

    def __init__(self, kind: GraphQLInputObjectType) -> None:
        self._missing: dict[str, Any] = {}
        # Under which name a field comes, where it goes, and what is to be done with it.
        self._fields: list[tuple[str, str, Convert | None]] = []
        for name, field in kind.fields.items():
            definition = field.extensions[_BACK]
            if isinstance(definition.type, StrawberryMaybe):
                raise TypeError(f"{kind.name}.{name}: say UNSET for what may be left out")
            if definition.default_value is MISSING and definition.default_factory is MISSING:
                self._missing[definition.python_name] = None
            self._fields.append((name, definition.python_name, _convert(field.type)))

    def __call__(self, made: Callable[..., Any], value: Mapping[str, Any], _: Any) -> Any:
        """Return an input of the class `made`."""
        given = dict(self._missing)
        for name, python_name, convert in self._fields:
            if name in value:
                part = value[name]
                given[python_name] = part if convert is None else convert(part)
        return made(**given)


def _convert(kind: GraphQLInputType) -> Convert | None:
    """Return what makes a value of its checked form; None if that is the same."""
    inner: Any = get_nullable_type(kind)
    if is_leaf_type(inner):
        return None
    if isinstance(inner, GraphQLList):
        item = _convert(inner.of_type)
        # A copy even so: every request that leaves a list out is given the same default.
        return _if_given(list if item is None else lambda value: [item(each) for each in value])
    definition = inner.extensions[_BACK]
    return _if_given(lambda value: definition.from_input(definition.origin, value, None))


def _if_given(convert: Convert) -> Convert:
    return lambda value: None if value is None else convert(value)
