"""The messaging policy and the suppression list through the API."""

from models.principal import Role

POLICY = "{ messagingPolicy { caps { most days channel } holdout version } }"
UPDATE = """
mutation ($input: UpdateMessagingPolicyInput!) {
  updateMessagingPolicy(input: $input) {
    policy { caps { most days channel } holdout version } userErrors { code field }
  }
}
"""


async def test_the_policy_is_read_and_changed(api):
    admin = await api.caller(Role.ADMIN)
    before = (await api.ask(POLICY, by=admin))["messagingPolicy"]
    wanted = [{"most": 3, "days": 7, "channel": None}, {"most": 1, "days": 1, "channel": "PUSH"}]
    change = {"version": before["version"], "caps": wanted, "holdout": "2.5"}

    changed = (await api.ask(UPDATE, {"input": change}, by=admin))["updateMessagingPolicy"]
    stale = (await api.ask(UPDATE, {"input": change}, by=admin))["updateMessagingPolicy"]

    assert (before["caps"], before["holdout"]) == ([], "0")
    assert changed["policy"]["caps"] == wanted
    assert changed["policy"]["holdout"] == "2.5"
    assert (await api.ask(POLICY, by=admin))["messagingPolicy"] == changed["policy"]
    assert [error["code"] for error in stale["userErrors"]] == ["CONFLICT"]


async def test_an_address_goes_on_the_list_and_off_it(api):
    admin = await api.caller(Role.ADMIN)
    put = 'mutation { suppressAddress(input: { address: "Ann@Example.test" }) { reason } }'
    take = """mutation {
      unsuppressAddress(input: { address: "ann@example.test" }) { removed userErrors { code } }
    }"""
    ask = '{ suppression(address: "ann@example.test") }'

    assert (await api.ask(put, by=admin))["suppressAddress"] == {"reason": "MANUAL"}
    assert await api.ask(ask, by=admin) == {"suppression": "MANUAL"}
    assert (await api.ask(take, by=admin))["unsuppressAddress"]["removed"] is True
    assert await api.ask(ask, by=admin) == {"suppression": None}
    again = (await api.ask(take, by=admin))["unsuppressAddress"]
    assert [error["code"] for error in again["userErrors"]] == ["NOT_FOUND"]
