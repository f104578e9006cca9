"""Webhooks through the API: for administrators, and the secret is shown once."""

import pytest

from models.principal import Role
from tests.client import Api

CREATE = """
mutation ($input: CreateWebhookInput!) {
  createWebhook(input: $input) { webhook { name url enabled } secret userErrors { code field } }
}
"""
CHANGE = """
mutation {
  updateWebhook(input: { name: "crm", enabled: false }) { webhook { enabled url } }
  rotateWebhookSecret(input: { name: "crm" }) { webhook { rotatingUntil } secret }
}
"""


@pytest.fixture
async def admin(api: Api):
    return await api.caller(Role.ADMIN)


async def test_a_webhook_is_made_changed_and_listed(api, admin):
    # An address, so that no name has to be asked for.
    url = "https://93.184.215.14/hook"
    made = (await api.ask(CREATE, {"input": {"name": "crm", "url": url}}, by=admin))[
        "createWebhook"
    ]
    assert made["webhook"] == {"name": "crm", "url": url, "enabled": True}
    assert made["secret"].startswith("whsec_")

    changed = await api.ask(CHANGE, by=admin)
    assert changed["updateWebhook"]["webhook"] == {"enabled": False, "url": url}
    assert changed["rotateWebhookSecret"]["secret"] not in (None, made["secret"])
    assert changed["rotateWebhookSecret"]["webhook"]["rotatingUntil"] is not None

    listed = await api.ask("{ webhooks { name enabled } }", by=admin)
    assert listed["webhooks"] == [{"name": "crm", "enabled": False}]


async def test_what_is_no_address_is_of_the_wrong_type(api, admin):
    given = {"input": {"name": "crm", "url": "shop.example/hook"}}

    assert await api.code(CREATE, given, by=admin) == "BAD_USER_INPUT"
    assert await api.ask("{ webhooks { name } }", by=admin) == {"webhooks": []}


async def test_a_url_that_leads_inside_is_refused(api, admin):
    answer = await api.ask(
        CREATE, {"input": {"name": "crm", "url": "https://127.0.0.1/"}}, by=admin
    )

    assert answer["createWebhook"] == {
        "webhook": None,
        "secret": None,
        "userErrors": [{"code": "WEBHOOK_URL", "field": ["url"]}],
    }
