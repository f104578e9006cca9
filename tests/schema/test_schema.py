"""The schema as it is committed."""

from pathlib import Path

from graphql import GraphQLInputObjectType, GraphQLInterfaceType, GraphQLObjectType

from app.schema_print import printed
from resolvers.api import api

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
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            for field_name, field in kind.fields.items():
                if not field.description:
                    bare.append(f"{name}.{field_name}")
                for argument_name, argument in getattr(field, "args", {}).items():
                    if not argument.description:
                        bare.append(f"{name}.{field_name}({argument_name})")

    assert bare == []


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
