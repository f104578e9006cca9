"""Filters that stand for a whole condition: as strict as the interpreter, whatever is stored."""

import math
from itertools import product

import pymongo
import pytest
from bson import Decimal128, Int64

import dsl
from tests.dsl.test_backends import NOW, checked

ODD = [5, 5.0, Int64(5), Decimal128("5"), 2, -1.5, 10**17, math.inf, -math.inf, math.nan]
ODD += [True, False, None, "5", "grün", "", [5], [True], ["grün"], [], {"a": 5}]
FIELDS = ("household_size", "budget", "vip", "favourite", "colour")


@pytest.fixture(scope="module")
def people(mongodb_uri):
    """One person for each field and each odd value in it, and some with odd attributes."""
    documents = [{"attributes": {field: value}} for field, value in product(FIELDS, ODD)]
    documents += [{"attributes": [{field: 5}]} for field in FIELDS]
    documents += [{"attributes": [{"vip": True, "favourite": "grün"}]}, {"attributes": 5}, {}]
    with pymongo.MongoClient(mongodb_uri) as client:
        users = client["exact"].users
        users.insert_many([{"_id": number, **each} for number, each in enumerate(documents)])
        yield users


def known(user: dict) -> dict:
    attributes = user.get("attributes")
    own = attributes if isinstance(attributes, dict) else {}
    return {"user": {"id": str(user["_id"]), **own}, "events": {}}


@pytest.mark.parametrize(
    "text",
    [
        "user.household_size >= 3",
        "user.household_size < 3",
        "user.household_size = 5",
        "user.household_size != 5",
        "not user.household_size > 5",
        "4 <= user.household_size",
        "user.household_size between 1 and 5",
        "user.budget >= 0.03 USD",
        "user.budget = 0.05 USD",
        "not user.budget <= 0.05 USD",
        "user.vip",
        "not user.vip",
        "user.vip = false",
        "user.vip != true",
        'user.favourite = "grün"',
        'user.favourite != ""',
        'user.favourite in ["grün", "5"]',
        'user.colour = "grün"',
        'user.colour not in ["grün"]',
        'user.vip or user.favourite = "grün" or user.household_size > 4',
        "not (user.household_size >= 3 or user.vip)",
    ],
)
def test_a_filter_and_the_interpreter_agree_whatever_is_stored(text, people):
    condition, program = checked(text)
    moment = dsl.Moment(NOW, "UTC", program)

    stages = dsl.to_mongo(condition, dsl.Layout(documents=frozenset()), moment)

    assert "$expr" not in str(stages)
    found = {user["_id"] for user in people.aggregate(stages)}
    held = {u["_id"] for u in people.find() if dsl.holds(condition, known(u), moment)}
    assert found == held
    assert 0 < len(held) < people.estimated_document_count()


def test_what_no_filter_can_tell_is_left_to_an_expression():
    condition, program = checked("user.vip and user.joined >= 2026-01-01")

    (stage,) = dsl.to_mongo(condition, dsl.Layout(), dsl.Moment(NOW, "UTC", program))

    vip, joined, exactly = stage["$match"]["$and"]
    assert vip == {"attributes.vip": {"$eq": True, "$not": {"$type": ["array"]}}}
    assert joined == {"attributes.joined": {"$gte": "2026-01-01"}}
    assert exactly.keys() == {"$expr"}
