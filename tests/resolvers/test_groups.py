"""Group buys through the API."""

import pytest

from models.campaign import Act
from models.principal import Role
from services.releases import RulesFile, release
from tests.client import Api
from tests.shop import NOW
from tests.staging import once

BUY = """
group_buy pack { active from 2020-01-01  sku "F200" at 79 CNY for 2 people within 24 hours }
"""
OPEN = """
mutation ($input: OpenGroupInput!) {
  openGroup(input: $input) {
    group { id sku state people missing joined } userErrors { code }
  }
}
"""
JOIN = """
mutation ($input: JoinGroupInput!) {
  joinGroup(input: $input) { group { state missing joined } userErrors { code } }
}
"""
SEE = "query ($id: ID!) { group(id: $id) { state missing joined } }"


@pytest.fixture
@once
async def buy(api: Api) -> Api:
    await release([RulesFile("buy", "Buy", BUY)], Act("cli", NOW), stores=api.stores)
    return api


async def test_a_group_is_opened_shared_and_completed(buy):
    ann, bob, cy = [await buy.caller(Role.CUSTOMER) for _ in range(3)]
    variables = {"input": {"groupBuy": "pack", "idempotencyKey": "k"}}

    group = (await buy.ask(OPEN, variables, by=ann))["openGroup"]["group"]
    assert (group["state"], group["missing"], group["joined"]) == ("OPEN", 1, True)
    assert (await buy.ask(SEE, {"id": group["id"]}))["group"] == {
        "state": "OPEN",
        "missing": 1,
        "joined": False,
    }

    join = {"input": {"groupId": group["id"]}}
    joined = (await buy.ask(JOIN, join, by=bob))["joinGroup"]["group"]
    assert joined == {"state": "COMPLETED", "missing": 0, "joined": True}
    late = (await buy.ask(JOIN, join, by=cy))["joinGroup"]
    assert late == {"group": None, "userErrors": [{"code": "GROUP_FULL"}]}


async def test_a_group_that_does_not_exist_is_null(buy):
    assert await buy.ask(SEE, {"id": "R3JvdXA6bm9uZQ"}) == {"group": None}
