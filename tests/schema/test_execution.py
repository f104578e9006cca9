"""Answers are what Strawberry by itself gives, whether plans can show them or not."""

import asyncio
from collections.abc import Coroutine, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from types import SimpleNamespace
from typing import Any

import pytest
import strawberry
from graphql import parse
from graphql.execution.collect_fields import FieldDetails
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from resolvers.api import api
from schema.execution import Execution
from schema.scalars import JSON, SCALARS


@strawberry.enum
class Colour(Enum):
    RED = "red"
    BLUE = "blue"


async def _later(root: strawberry.Parent[Any]) -> str:
    await asyncio.sleep(0)
    return f"later than {root.id}"


@strawberry.type
class Part:
    name: str
    count: int
    price: Decimal | None


@strawberry.interface
class Owned:
    owner: str


@strawberry.type
class Box(Owned):
    size: int


@strawberry.type
class Tin(Owned):
    size: str


@strawberry.type
class Thing:
    id: strawberry.ID
    name: str
    count: int
    ok: bool
    weight: float
    colour: Colour | None
    at: datetime
    extra: JSON | None
    names: list[str]
    part: Part | None
    parts: list[Part]
    grid: list[list[int | None]] | None
    box: Box | None
    owned: list[Owned]
    later: str = strawberry.field(resolver=_later)

    @strawberry.field
    def shout(self, times: int = 1) -> str:
        return self.name.upper() * times


@strawberry.type
class Query:
    @strawberry.field
    async def thing(self, info: strawberry.Info) -> Thing | None:
        return info.context

    @strawberry.field
    def things(self, info: strawberry.Info) -> list[Thing | None]:
        return [info.context, info.context]


CONFIG = StrawberryConfig(scalar_map=SCALARS)
API = strawberry.Schema(Query, types=[Box, Tin], config=CONFIG)

ALL = """{
    __typename id name count ok weight colour at extra names grid
    part { name count price } parts { __typename name count price }
    box { owner size }
}"""
DOCUMENTS = [
    f"{{ thing {ALL} }}",
    f"{{ things {ALL} }}",
    "{ thing { owned { __typename owner ... on Box { size } } box { size } } }",
    "{ thing { name later parts { name } } }",
    "{ things { name shout(times: 2) parts { count } later } }",
    "{ a: thing { x: name y: name } b: thing { part { n: name } } thing { part { count } } }",
    "{ thing { ...A part { ...B } } } fragment A on Thing { name part { count } }"
    " fragment B on Part { price ... on Part { name } }",
    "query ($yes: Boolean!) { thing { name @include(if: $yes) parts @skip(if: $yes) { name } } }",
    "query ($yes: Boolean!) { thing { ...A @include(if: $yes) } } fragment A on Thing { name }",
]


def thing(**changes: Any) -> Any:
    part = SimpleNamespace(name="bolt", count=3, price=Decimal("1.20"))
    usual = {
        "id": "t1",
        "name": "Thing",
        "count": 7,
        "ok": True,
        "weight": 1.5,
        "colour": Colour.BLUE,
        "at": datetime(2026, 11, 26, tzinfo=UTC),
        "extra": {"a": [1, None]},
        "names": ["a", "b"],
        "part": part,
        "parts": [part, SimpleNamespace(name="nut", count=0, price=None)],
        "grid": [[1, None], []],
        "box": Box(owner="me", size=3),
        "owned": [Box(owner="me", size=3), Tin(owner="you", size="big")],
    }
    return SimpleNamespace(**{**usual, **changes}, shout=None)


_LATER: list[Coroutine[Any, Any, Any]] = []


def _soon(value: Any) -> Coroutine[Any, Any, Any]:
    async def later() -> Any:
        return value

    _LATER.append(later())
    return _LATER[-1]


@pytest.fixture
def later() -> Iterator[None]:
    """Close what comes later and nobody asks for, so that it is no warning of another test."""
    yield
    while _LATER:
        _LATER.pop().close()


class _Text(str):
    __slots__ = ()


UNUSUAL = {
    "as usual": dict,
    "nothing where something must be": lambda: {"name": None},
    "nothing in a list that has no nothings": lambda: {"parts": [None]},
    "no object at all": lambda: {"part": 3},
    "an attribute missing": lambda: {"part": SimpleNamespace(name="bolt", price=None)},
    "an error as a value": lambda: {"name": ValueError("no name")},
    "an error in a list": lambda: {"parts": [ValueError("no part")]},
    "a value that comes later": lambda: {"name": _soon("Thing")},
    "an object that comes later": lambda: {"part": _soon(thing().part)},
    "items that come later": lambda: {"names": [_soon("a"), "b"]},
    "JSON that comes later": lambda: {"extra": _soon({"a": 1})},
    "a number too large": lambda: {"count": 2**31},
    "a truth for a number": lambda: {"count": True},
    "a number for a text": lambda: {"name": 5},
    "a text of a class of its own": lambda: {"name": _Text("mine")},
    "a number for an id": lambda: {"id": 5},
    "a number for a truth": lambda: {"ok": 1},
    "a colour by its value": lambda: {"colour": "red"},
    "no such colour": lambda: {"colour": "green"},
    "no date": lambda: {"at": "today"},
    "no decimal": lambda: {"part": SimpleNamespace(name="x", count=1, price="dear")},
    "a tuple for a list": lambda: {"names": ("a", "b")},
    "a generator for a list": lambda: {"names": (each for each in "ab")},
    "a text for a list": lambda: {"names": "ab"},
    "something else that has an owner": lambda: {"box": Tin(owner="me", size="big")},
    "an object of no type": lambda: {"box": SimpleNamespace(owner="me", size=3)},
    "an owner that is nobody": lambda: {"box": Box(owner=None, size=3)},
    "nothing for anything": lambda: {"part": None, "colour": None, "extra": None, "grid": None},
}


async def answered(document: str, changes: Any, by: type) -> tuple[Any, Any]:
    API.execution_context_class = by
    result = await API.execute(
        document, variable_values={"yes": True}, context_value=thing(**changes())
    )
    return result.data, [error.formatted for error in result.errors or ()]


@pytest.mark.usefixtures("later")
@pytest.mark.parametrize("document", DOCUMENTS)
@pytest.mark.parametrize("changes", UNUSUAL.values(), ids=UNUSUAL)
async def test_plans_answer_as_the_general_executor_does(document, changes):
    expected = await answered(document, changes, StrawberryGraphQLCoreExecutionContext)

    assert await answered(document, changes, Execution) == expected
    assert list(_names(await answered(document, changes, Execution))) == list(_names(expected))


def _names(answer: Any) -> Any:
    """Yield the names in their order, which equality of dicts passes over."""
    match answer:
        case dict():
            for name, value in answer.items():
                yield name
                yield from _names(value)
        case list() | tuple():
            for value in answer:
                yield from _names(value)


@pytest.mark.parametrize(
    "document",
    [
        "{ users { edges { cursor node { id name roles createdAt consent { email } } } } }",
        "{ quoteCart(input: $cart) { quote { lines { applied { promotion } } } } }",
    ],
)
def test_usual_answers_of_the_api_are_shown_by_plans(document):
    parsed = parse(document)
    execution = Execution.build(api._schema, parsed)
    assert isinstance(execution, Execution)
    assert execution.plans is not None
    node = parsed.definitions[0].selection_set.selections[0]
    kind = api._schema.query_type.fields[node.name.value].type

    plan = execution.plans.of_value(kind, [FieldDetails(node, None)], execution._collect)

    assert plan is not None


async def test_a_document_that_directives_change_is_answered_anew_each_time():
    API.execution_context_class = Execution
    document = "query ($yes: Boolean!) { thing { name part @include(if: $yes) { name } } }"

    answers = [
        (await API.execute(document, {"yes": yes}, context_value=thing())).data
        for yes in (True, False, True)
    ]

    assert answers[0] == answers[2] == {"thing": {"name": "Thing", "part": {"name": "bolt"}}}
    assert answers[1] == {"thing": {"name": "Thing"}}
