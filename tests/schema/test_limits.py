"""How large a document may be."""

import time

import pytest
from graphql import parse

from models.principal import Role
from schema.limits import too_large
from tests.client import Api


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
    ],
)
def test_a_document_is_measured_with_its_fragments_written_out(document: str, says: str) -> None:
    messages = [error.message for error in too_large(parse(document))]

    assert bool(messages) is bool(says)
    assert all(says in message for message in messages)


async def test_bombs_are_refused_at_once(api: Api) -> None:
    storm = "{ " + " ".join(f"a{n}: me {{ id }}" for n in range(160)) + " }"
    for document in (bomb(30, 12), storm, deep(150), "{ " + "me " * 1_100 + "}"):
        began = time.thread_time()
        answer = await api.post(document)

        assert time.thread_time() - began < 1
        assert answer.json()["errors"][0]["extensions"]["code"] in (
            "QUERY_TOO_COMPLEX",
            "GRAPHQL_PARSE_FAILED",
        )


async def test_the_largest_honest_document_is_checked_quickly(api: Api) -> None:
    fields = " ".join(["me { id name email locale timezone }"] * 120)
    began = time.thread_time()
    answer = await api.post("{ " + fields + " }")

    assert "errors" not in answer.json()
    assert time.thread_time() - began < 5


async def test_an_introspection_by_the_shops_people_is_not_too_deep(api: Api) -> None:
    marketer = await api.caller(Role.MARKETER)
    kind = "name kind " + "ofType { name kind " * 9 + "}" * 9
    query = "{ __schema { types { name fields { name args { name type { KIND } } } } } }"

    assert (await api.ask(query.replace("KIND", kind), by=marketer))["__schema"]["types"]
