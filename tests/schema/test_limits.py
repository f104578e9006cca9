"""How large a document may be."""

import time
from typing import Any

import pytest
from graphql import parse

from models.principal import Role
from resolvers.access import declared
from resolvers.api import api as built
from schema import limits
from schema.limits import ONCE, measured, too_costly
from schema.ruler import amount
from tests.client import Api

SCHEMA = built._schema
# What customers and nobody may do as often as five mutations go: it takes nothing.
HARMLESS = {"updateProfile", "signOut", "revokeSession", "revokeOtherSessions"}


def deep(levels: int) -> str:
    return "{ a " * levels + "}" * levels


def bomb(fragments: int, spreads: int) -> str:
    """Each fragment spreads the next several times: written out, spreads ** fragments fields."""
    lines = ["{ ...F0 }"]
    for number in range(fragments):
        body = " ".join([f"...F{number + 1}"] * spreads)
        lines.append(f"fragment F{number} on Query {{ {body} }}")
    lines.append(f"fragment F{fragments} on Query {{ me {{ id }} }}")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (deep(10), ""),
        (deep(11), "levels"),
        ("{ ...F } fragment F on Query " + deep(11), "levels"),
        ("{ " + " ".join(f"a{n}: a" for n in range(15)) + " }", ""),
        ("{ " + " ".join(f"a{n}: a" for n in range(16)) + " }", "aliases"),
        ("{ ...F ...F } fragment F on Query { " + "b: a " * 8 + "}", "aliases"),
        ("{ a " + "@skip(if: false) " * 50 + "}", ""),
        ("{ a " + "@skip(if: false) " * 51 + "}", "directives"),
        ("mutation { a b c d e }", ""),
        ("mutation { a b c d e f }", "mutations"),
        ("mutation { a ...F ...F } fragment F on Mutation { b c d }", "mutations"),
        ("query A { a } " * 21, "operations"),
        (bomb(20, 10), "fields"),
        ("{ ...F } fragment F on Query { a ...F }", ""),
        ("{ __schema { " + "a { " * 14 + "b" + " }" * 14 + " } }", ""),
        ("mutation { signIn claimStock }", ""),
        ("mutation { a: signIn b: signIn }", "`signIn`"),
        ("mutation { joinGroup ...F } fragment F on Mutation { x: joinGroup }", "`joinGroup`"),
        ("mutation { ... { refreshSession } ... { refreshSession } }", "`refreshSession`"),
        ("{ a: quoteCart b: quoteCart }", "`quoteCart`"),
    ],
)
def test_a_document_is_measured_with_its_fragments_written_out(document: str, says: str) -> None:
    messages = [error.message for error in measured(parse(document), SCHEMA).errors]

    assert bool(messages) is bool(says)
    assert all(says in message for message in messages)


USERS = "users(first: %s) { totalCount edges { cursor node { id name } } }"


@pytest.mark.parametrize(
    ("document", "variables", "cost"),
    [
        # The connection, and for each of the page an edge and a person; what is in them is free.
        ("{ " + USERS % 100 + " }", {}, 201),
        ("{ users { edges { node { id } } } }", {}, 41),
        ("{ users(last: 3) { edges { node { id } } pageInfo { endCursor } } }", {}, 8),
        ("{ me { id name } messagingPolicy { holdout } }", {}, 2),
        # Lists multiply with those that they are in; without a size they count as five.
        ("{ campaigns(first: 100) { edges { node { history { at } } } } }", {}, 701),
        ("{ users(first: 10) { ...E } } fragment E on UserConnection { edges { cursor } }", {}, 11),
        ('{ nodes(ids: ["a", "b"]) { id ... on Campaign { history { at } } } }', {}, 12),
        ("subscription { feed(batch: 50) { entries { at } } }", {}, 51),
        # Variables count as what they are, as what they are by default, or as the usual page.
        ("query ($n: Int) { " + USERS % "$n" + " }", {"n": 7}, 15),
        ("query ($n: Int) { " + USERS % "$n" + " }", {"n": None}, 41),
        ("query ($n: Int) { " + USERS % "$n" + " }", {}, 41),
        ("query ($n: Int = 2) { " + USERS % "$n" + " }", {}, 5),
        ("query ($n: Int = 2) { " + USERS % "$n" + " }", {"n": None}, 41),
        ("query ($n: Int) { " + USERS % "$n" + " }", {"n": "no number"}, 201),
        ("query ($i: [ID!]!) { nodes(ids: $i) { id } }", {"i": ["a", "b", "c"]}, 3),
        ("query ($n: Int) { ...F } fragment F on Query { " + USERS % "$n" + " }", {"n": 7}, 15),
        ("{ " + USERS % -5 + " }", {}, 1),
        ("{ __schema { types { fields { args { name } } } } }", {}, 0),
    ],
)
def test_an_answer_costs_the_objects_that_it_may_hold(
    document: str, variables: dict[str, Any], cost: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = {name: amount(value) for name, value in variables.items()}
    monkeypatch.setattr(limits, "COST", -1)

    (error,) = too_costly(parse(document), SCHEMA, None, counts)

    assert f"could hold {cost}." in error.message


def test_only_the_operation_that_is_carried_out_has_its_price() -> None:
    cheap = "query Cheap($n: Int) { users(first: $n) { edges { cursor } } } "
    dear = "query Dear($n: Int) { users(first: $n) { edges { cursor } } }"
    counts = {"n": 9_999}

    assert not too_costly(parse(cheap + "query Free { me { id } }"), SCHEMA, "Free", counts)
    assert too_costly(parse(cheap + dear), SCHEMA, "Dear", counts)
    # Who does not say which is told to, and not for free.
    assert too_costly(parse(cheap + dear), SCHEMA, "Neither", counts)


def test_a_bomb_of_lists_is_priced_as_quickly_as_it_is_read() -> None:
    lines = ["{ campaigns(first: 100) { edges { node { ...F0 } } } }"]
    for number in range(100):
        spreads = f"...F{number + 1} " * 3
        lines.append(f"fragment F{number} on Campaign {{ history {{ at }} {spreads} }}")
    lines.append("fragment F100 on Campaign { id }")

    (error,) = too_costly(parse("\n".join(lines)), SCHEMA, None, {})

    assert "millions" in error.message


async def test_a_price_is_that_of_the_variables(api: Api) -> None:
    ada = await api.caller(Role.ADMIN)
    aliased = " ".join(f"a{n}: " + USERS % "$n" for n in range(15))
    document = f"query ($n: Int) {{ {aliased} }}"

    refused = await api.post(document, {"n": 200}, by=ada)

    (error,) = refused.json()["errors"]
    assert error["extensions"]["code"] == "QUERY_TOO_COMPLEX"
    assert "at most 5,000 objects; this could hold 6,015. Ask for fewer" in error["message"]
    assert len(await api.ask(document, {"n": 100}, by=ada)) == 15


def test_what_takes_or_can_be_guessed_at_is_done_once_in_a_document() -> None:
    mutations = SCHEMA.mutation_type
    queries = SCHEMA.query_type
    assert mutations
    assert queries
    open_to_customers = {
        name
        for name in mutations.fields
        if (access := declared(built.get_field_for_type(name, "Mutation")))
        and Role.CUSTOMER in access.roles
    }

    assert open_to_customers - HARMLESS <= ONCE
    assert mutations.fields.keys() | queries.fields.keys() >= ONCE


async def test_a_refusal_says_how_much_was_asked_and_what_to_do(api: Api) -> None:
    again = "a: signIn(input: $i) { userErrors { code } } b: signIn(input: $i) { __typename }"
    for document, words in (
        (deep(12), "at most 10 levels of fields; this has 12. Ask for what lies deeper"),
        (f"mutation ($i: SignInInput!) {{ {again} }}", "at most 1 `signIn`; this has 2. Send one"),
        ("{ " + "me " * 1_100 + "}", "at most 1,000 tokens; this has more. Send several"),
        ("{ " + "me { id } " * 200 + "}", "takes more. Name each field once"),
    ):
        (error,) = (await api.post(document)).json()["errors"]

        assert words in error["message"]
        assert error["extensions"] == {"code": "QUERY_TOO_COMPLEX"}


async def test_a_document_full_of_mistakes_is_told_the_first_of_them(api: Api) -> None:
    answer = await api.post("{ " + " ".join(f"meee{n}" for n in range(900)) + " }")

    errors = answer.json()["errors"]
    assert len(errors) == 11
    assert "error limit" in errors[-1]["message"]
    assert "Did you mean" not in answer.text


async def test_bombs_are_refused_at_once(api: Api) -> None:
    storm = "{ " + " ".join(f"a{n}: me {{ id }}" for n in range(160)) + " }"
    for document in (bomb(30, 12), storm, deep(150), "{ " + "me " * 1_100 + "}"):
        began = time.thread_time()
        answer = await api.post(document)

        assert time.thread_time() - began < 1
        assert answer.json()["errors"][0]["extensions"]["code"] == "QUERY_TOO_COMPLEX"


async def test_the_largest_honest_document_is_checked_quickly(api: Api) -> None:
    fields = " ".join(f"a{n}: me {{ id name email locale timezone }}" for n in range(15))
    began = time.thread_time()
    answer = await api.post("{ " + fields + " ...F" * 90 + " } fragment F on Query { me { id } }")

    assert "errors" not in answer.json()
    assert time.thread_time() - began < 5


async def test_an_introspection_by_the_shops_people_is_not_too_deep(api: Api) -> None:
    marketer = await api.caller(Role.MARKETER)
    kind = "name kind " + "ofType { name kind " * 9 + "}" * 9
    query = "{ __schema { types { name fields { name args { name type { KIND } } } } } }"

    assert (await api.ask(query.replace("KIND", kind), by=marketer))["__schema"]["types"]
