"""What was released stays: clients are not broken unless a decision says so."""

import re
from pathlib import Path

import pytest
from graphql import GraphQLEnumType, GraphQLSchema, build_schema, find_breaking_changes

ROOT = Path(__file__).parents[2]
SCHEMA = (ROOT / "schema" / "schema.graphql").read_text()
RELEASED = (ROOT / "schema" / "released.graphql").read_text()
# What graphql-core's sentences are about: `User.name`, `Query.users(first:)`, `@oneOf`, `Role`.
SUBJECT = re.compile(r"@?[A-Z_a-z]\w*(?:\.\w+)?(?:\(\w+:\))?")
WORDS = re.compile(
    r"^(Field|Argument|Enum value|Directive|An? (required|optional) (field|argument)) "
)


def subject(description: str) -> str:
    """Return what a change is about, as a record names it."""
    found = SUBJECT.match(WORDS.sub("", description))
    assert found is not None, description
    return found.group().replace(":)", ")")


def broken(old: GraphQLSchema, new: GraphQLSchema) -> dict[str, str]:
    """Return what breaks clients of `old` that ask `new`, by what it is about."""
    return {subject(each.description): each.description for each in find_breaking_changes(old, new)}


def allowed() -> set[str]:
    """Return what decision records say is broken, in lines as `Breaks: User.name, Role.OWNER`."""
    records = [path.read_text() for path in (ROOT / "docs" / "decisions").glob("0*.md")]
    lines = [line for text in records for line in re.findall(r"^Breaks: (.+)$", text, re.MULTILINE)]
    return {name.strip(" `.") for line in lines for name in line.split(",")}


def test_nothing_that_was_released_is_broken_without_a_decision() -> None:
    """If this fails: deprecate it instead, or name it after `Breaks:` in a decision record."""
    found = broken(build_schema(RELEASED), build_schema(SCHEMA))

    assert {name: said for name, said in found.items() if name not in allowed()} == {}


OLD = """
directive @old on FIELD
enum Role { ADMIN OWNER }
input Filter { role: Role }
type User { id: ID! name: String! roles(first: Int): [Role!]! }
type Query { user(filter: Filter): User }
"""


@pytest.mark.parametrize(
    ("was", "becomes", "name"),
    [
        ("name: String!", "", "User.name"),
        ("name: String!", "name: String", "User.name"),
        ("(first: Int)", "", "User.roles(first)"),
        ("(first: Int)", "(first: Int, of: Int!)", "User.roles(of)"),
        ("role: Role", "role: Role, from: Int!", "Filter.from"),
        ("ADMIN OWNER", "ADMIN", "Role.OWNER"),
        ("directive @old on FIELD", "", "@old"),
        ("type User", "type Person", "User"),
    ],
)
def test_what_breaks_clients_is_noticed_and_named(was: str, becomes: str, name: str) -> None:
    new = OLD.replace(was, becomes)
    if name == "User":
        new = new.replace(": User", ": Person")

    assert name in broken(build_schema(OLD), build_schema(new))


def test_what_is_added_breaks_nobody() -> None:
    new = OLD.replace("ADMIN", "ADMIN ANALYST").replace("name:", "email: String name:")

    assert broken(build_schema(OLD), build_schema(new)) == {}


def badly_deprecated(schema: GraphQLSchema) -> dict[str, str]:
    """Return what is deprecated without a day and a way out, by its name."""
    reasons: dict[str, str | None] = {}
    for kind in schema.type_map.values():
        parts = kind.values if isinstance(kind, GraphQLEnumType) else getattr(kind, "fields", {})
        for name, part in parts.items():
            reasons[f"{kind.name}.{name}"] = part.deprecation_reason
            for key, argument in getattr(part, "args", {}).items():
                reasons[f"{kind.name}.{name}({key})"] = argument.deprecation_reason
    return {
        name: reason
        for name, reason in reasons.items()
        if reason is not None and not re.match(r"Since \d{4}-\d\d-\d\d: .*`\w+", reason)
    }


def test_what_is_deprecated_says_since_when_and_what_to_use() -> None:
    assert badly_deprecated(build_schema(SCHEMA)) == {}


@pytest.mark.parametrize(
    ("reason", "good"),
    [
        ("", False),
        ("Use `labels`.", False),
        ("Since 2026-12-01: it is gone.", False),
        ("Since 2026-12-01: use `labels`.", True),
    ],
)
def test_a_deprecation_without_a_day_or_a_way_out_is_noticed(reason: str, good: bool) -> None:
    tags = f'tags(of: Int @deprecated(reason: "{reason}")): Int @deprecated(reason: "{reason}")'
    schema = build_schema(OLD.replace("name: String!", f"name: String! {tags}"))

    assert set(badly_deprecated(schema)) == (set() if good else {"User.tags", "User.tags(of)"})
