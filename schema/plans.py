"""Answers made ready: what a selection of plain fields shows of an object, worked out once.

A plan only does what is usual. Whatever is not (a null that must not be, a value that has to be
awaited, an error) raises out of it, and the general executor begins again at the same place: plain
fields only read attributes, so nothing happens twice.
"""

import weakref
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any, TypeAlias

from graphql import (
    DocumentNode,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLField,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLString,
    Undefined,
    is_leaf_type,
)

# A plan shows a value; the fields of an object are found by `Collect`.
Plan: TypeAlias = Callable[[Any], Any]
Nodes: TypeAlias = Sequence[Any]
Collect: TypeAlias = Callable[[GraphQLObjectType, Nodes], Mapping[str, Nodes]]

_TYPENAME = "__typename"
_BACK = "strawberry-definition"
_CLASSES: Mapping[str, type] = {
    GraphQLString.name: str,
    GraphQLID.name: str,
    GraphQLBoolean.name: bool,
}
_INT = range(-(2**31), 2**31)


class Unusual(Exception):
    """A value that a plan leaves to the general executor."""


class Plans:
    """The plans of one document, each made when it is first needed."""

    def __init__(self) -> None:
        self._values: dict[tuple[int, ...], Plan | None] = {}
        self._fields: dict[tuple[int, ...], Plan | None] = {}

    def of_value(self, kind: GraphQLOutputType, nodes: Nodes, collect: Collect) -> Plan | None:
        """Return how to show a value that a field of these nodes has returned, if that is plain."""
        key = (id(kind), *[id(each.node) for each in nodes])
        if key not in self._values:
            self._values[key] = _of_type(kind, nodes, collect)
        return self._values[key]

    def of_field(self, parent: GraphQLObjectType, nodes: Nodes, collect: Collect) -> Plan | None:
        """Return how to show a field of an object, if that is plain."""
        key = (id(parent), *[id(each.node) for each in nodes])
        if key not in self._fields:
            self._fields[key] = _of_field(parent, nodes, collect)
        return self._fields[key]


_KEPT: dict[int, Plans] = {}


def plans_of(document: DocumentNode) -> Plans | None:
    """Return a parsed document's plans, which live as long as it does.

    There are none where directives may leave fields out: what is shown then changes from one time
    to the next.
    """
    plans = _KEPT.get(id(document))
    if plans is None:
        if document.loc is None or "@" in document.loc.source.body:
            return None
        plans = _KEPT[id(document)] = Plans()
        weakref.finalize(document, _KEPT.pop, id(document), None)
    return plans


def shown(plan: Plan, value: Any) -> Any:
    """Return what a plan shows of a value; Undefined for one that is not as usual."""
    try:
        return plan(value)
    except Exception:
        # The executor comes to the same error, and knows where it belongs.
        return Undefined


def _of_type(kind: GraphQLOutputType, nodes: Nodes, collect: Collect) -> Plan | None:
    if isinstance(kind, GraphQLNonNull):
        return _of_inner(kind.of_type, nodes, collect)
    plan = _of_inner(kind, nodes, collect)
    return None if plan is None else (lambda value: None if value is None else plan(value))


def _of_inner(kind: Any, nodes: Nodes, collect: Collect) -> Plan | None:
    if isinstance(kind, GraphQLList):
        item = _of_type(kind.of_type, nodes, collect)
        return None if item is None else _of_list(item)
    if is_leaf_type(kind):
        return _of_leaf(kind)
    if isinstance(kind, GraphQLObjectType):
        return _of_object(kind, nodes, collect)
    return None


def _of_list(item: Plan) -> Plan:
    def show(value: Any) -> list[Any]:
        # Other iterables may be used up by looking.
        if type(value) is not list:
            raise Unusual
        return [item(each) for each in value]

    return show


def _of_object(kind: GraphQLObjectType, nodes: Nodes, collect: Collect) -> Plan | None:
    fields: list[tuple[str, Plan]] = []
    for name, found in collect(kind, nodes).items():
        plan = _of_field(kind, found, collect)
        if plan is None:
            return None
        fields.append((name, plan))

    is_of_type: Any = kind.is_type_of

    def show(value: Any) -> dict[str, Any]:
        if value is None or isinstance(value, Exception):
            raise Unusual
        if is_of_type is not None and is_of_type(value, None) is not True:
            raise Unusual
        return {name: plan(value) for name, plan in fields}

    return show


def _of_field(parent: GraphQLObjectType, nodes: Nodes, collect: Collect) -> Plan | None:
    name = nodes[0].node.name.value
    if name == _TYPENAME:
        return lambda _: parent.name
    field = parent.fields.get(name)
    attribute = None if field is None else _attribute(field)
    if field is None or attribute is None:
        return None
    plan = _of_type(field.type, nodes, collect)
    if plan is None:
        return None
    read = attrgetter(attribute)
    return lambda source: plan(read(source))


def _attribute(field: GraphQLField) -> str | None:
    """Return the attribute that a field shows, if it does nothing but that."""
    definition = field.extensions.get(_BACK)
    if definition is None or field.args or not definition.is_basic_field:
        return None
    name: str = definition.python_name
    return name


def _of_leaf(kind: GraphQLLeafType) -> Plan:
    def show(value: Any) -> Any:
        if isinstance(value, Exception) or hasattr(value, "__await__"):
            raise Unusual
        shown = kind.coerce_output_value(value)
        if shown is None or shown is Undefined:
            raise Unusual
        return shown

    if isinstance(kind, GraphQLEnumType):
        return _of_enum(kind, show)
    if kind is GraphQLInt or kind.name == GraphQLInt.name:
        return lambda value: value if type(value) is int and value in _INT else show(value)
    usual = _CLASSES.get(kind.name)
    if usual is not None:
        return lambda value: value if type(value) is usual else show(value)
    return show


def _of_enum(kind: GraphQLEnumType, show: Plan) -> Plan:
    members: Any = getattr(kind, "wrapped_cls", ())
    names = {member: kind.coerce_output_value(member) for member in members}

    def show_member(value: Any) -> Any:
        return names[value] if type(value) is members else show(value)

    return show_member
