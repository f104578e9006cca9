"""What @graphql-eslint recommends for schemas: the committed one follows all of it."""

from tests.node import run


async def test_the_linter_has_nothing_to_say(desk):
    """A new type without an id is a value: tests/clients/eslint.config.mjs lists those."""
    code, said = await run(desk, "node_modules/eslint/bin/eslint.js", "schema.graphql")

    assert (code, said) == (0, "")


async def test_the_linter_would_have_something_to_say(desk):
    with (desk / "schema.graphql").open("r+") as schema:
        good = schema.read()
        schema.write("\ntype Stray { Bad_Name: Int }\n")
    try:
        code, said = await run(desk, "node_modules/eslint/bin/eslint.js", "schema.graphql")
    finally:
        (desk / "schema.graphql").write_text(good)

    assert code == 1
    for rule in ("naming-convention", "strict-id-in-types", "no-unreachable-types"):
        assert rule in said
