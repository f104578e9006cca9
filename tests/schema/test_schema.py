"""The schema as it is committed."""

from pathlib import Path

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    get_nullable_type,
    is_specified_scalar_type,
)

from app.schema_print import printed
from resolvers.api import api
from schema.scalars import SCALARS

COMMITTED = Path(__file__).parents[2] / "schema" / "schema.graphql"


def test_the_committed_schema_is_the_one_served() -> None:
    """If this fails: `fanfare schema > schema/schema.graphql`, and look at the difference."""
    assert COMMITTED.read_text() == printed()


def test_everything_has_a_description() -> None:
    bare = []
    for name, kind in api._schema.type_map.items():
        if name.startswith("__"):
            continue
        if not kind.description:
            bare.append(name)
        if isinstance(kind, GraphQLEnumType):
            bare += [
                f"{name}.{each}" for each, value in kind.values.items() if not value.description
            ]
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            for field_name, field in kind.fields.items():
                if not field.description:
                    bare.append(f"{name}.{field_name}")
                for argument_name, argument in getattr(field, "args", {}).items():
                    if not argument.description:
                        bare.append(f"{name}.{field_name}({argument_name})")

    assert bare == []


# Lists that may be null, and what null says there.
ABSENT = {
    "EventVerdict.path": "nothing is wrong with the event",
    "ExplanationNode.changes": "nothing would turn it",
    "User.externalIds": "they are not the caller's to see",
    "User.segments": "they are not the caller's to see",
    "UserError.field": "no part of the input is at fault",
}


def test_lists_and_what_is_in_them_are_never_null_but_where_that_says_something() -> None:
    lists, items = set(), set()
    for name, kind in api._schema.type_map.items():
        if isinstance(kind, GraphQLObjectType) and not name.startswith("__"):
            for field_name, field in kind.fields.items():
                inner = get_nullable_type(field.type)
                if isinstance(inner, GraphQLList):
                    if inner is field.type and not name.endswith("Payload"):
                        lists.add(f"{name}.{field_name}")
                    if not isinstance(inner.of_type, GraphQLNonNull):
                        items.add(f"{name}.{field_name}")

    assert lists == set(ABSENT)
    assert items == {"Query.nodes"}  # in the order of the ids, null for what is not there


def test_every_item_of_a_list_that_is_taken_is_there() -> None:
    taken = [
        (f"{name}.{part_name}", part.type)
        for name, kind in api._schema.type_map.items()
        if isinstance(kind, GraphQLInputObjectType)
        for part_name, part in kind.fields.items()
    ] + [
        (f"{name}.{field_name}({part_name})", part.type)
        for name, kind in api._schema.type_map.items()
        if isinstance(kind, GraphQLObjectType) and not name.startswith("__")
        for field_name, field in kind.fields.items()
        for part_name, part in field.args.items()
    ]

    for name, kind in taken:
        inner = get_nullable_type(kind)
        if isinstance(inner, GraphQLList):
            assert isinstance(inner.of_type, GraphQLNonNull), name


def test_every_scalar_says_where_it_is_specified() -> None:
    own = [
        kind
        for kind in api._schema.type_map.values()
        if isinstance(kind, GraphQLScalarType) and not is_specified_scalar_type(kind)
    ]

    assert [kind.name for kind in own if not kind.specified_by_url] == []
    assert {kind.name for kind in own} == {definition.name for definition in SCALARS.values()}


def test_every_mutation_takes_one_input_and_answers_with_user_errors() -> None:
    mutations = api._schema.mutation_type
    assert mutations is not None
    for name, field in mutations.fields.items():
        pascal = name[0].upper() + name[1:]
        assert {key: str(argument.type) for key, argument in field.args.items()} == {
            "input": f"{pascal}Input!"
        }
        assert str(field.type) == f"{pascal}Payload!"
        payload = api._schema.type_map[f"{pascal}Payload"]
        assert isinstance(payload, GraphQLObjectType)
        for field_name, inner in payload.fields.items():
            required = field_name == "userErrors"
            assert str(inner.type).endswith("!") is required, f"{pascal}Payload.{field_name}"
