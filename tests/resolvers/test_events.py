"""Events, messages and templates through the API."""

from datetime import UTC, datetime

import pytest

from models.campaign import Act
from models.principal import Role
from models.template import Template
from models.user import Consent
from services import releases, templates
from services.releases import RulesFile
from tests.shop import Shop

RULES = """
event cart_updated { total: money USD }
trigger greet { on cart_updated  then { send email "greet" } }
"""
INGEST = """
mutation ($events: [EventInput!]!) {
  ingestEvents(input: { events: $events }) {
    accepted
    verdicts { source id outcome path reason }
    userErrors { code field message }
  }
}
"""
MESSAGES = """
query ($first: Int, $after: String, $user: ID) {
  sentMessages(first: $first, after: $after, userId: $user) {
    totalCount
    pageInfo { hasNextPage endCursor }
    edges { node {
      status to subject template trigger reason sentAt user { name } campaign { title }
    } }
  }
}
"""
SAVE = """
mutation ($input: SaveTemplateInput!) {
  saveTemplate(input: $input) { template { name version } userErrors { field message } }
}
"""


@pytest.fixture
async def integrator(api):
    act = Act("marketer", datetime.now(UTC))
    greet = Template(channel="email", name="greet", subject="Hi", text="Hi")
    await templates.save(greet, stores=api.stores, now=act.at, by=None)
    files = [RulesFile("carts", "Carts", RULES)]
    await releases.release(files, act, stores=api.stores)
    return await api.caller(Role.INTEGRATOR)


async def test_every_event_gets_a_verdict(api, integrator):
    ann = await api.caller(name="Ann")
    events = [
        {"id": "1", "name": "cart_updated", "user": ann.global_id, "data": {"total": "12.50"}},
        {"id": "1", "name": "cart_updated", "user": ann.id},
        {"id": "2", "name": "cart_update", "user": ann.id},
        {"id": "3", "name": "cart_updated", "user": ann.id, "data": {"total": "NaN"}},
        {"id": "4", "name": "cart_updated", "user": ann.id, "data": [1]},
    ]

    done = (await api.ask(INGEST, {"events": events}, by=integrator))["ingestEvents"]

    assert (done["accepted"], done["userErrors"]) == (1, [])
    assert [v["outcome"] for v in done["verdicts"]] == [
        "ACCEPTED",
        "DUPLICATE",
        "REJECTED",
        "REJECTED",
        "REJECTED",
    ]
    assert "did you mean `cart_updated`?" in done["verdicts"][2]["reason"]
    assert done["verdicts"][3]["path"] == ["data", "total"]
    assert done["verdicts"][4]["path"] == ["data"]


async def test_too_many_events_are_a_user_error(api, integrator):
    events = [{"id": str(n), "name": "x", "user": "y"} for n in range(501)]

    done = (await api.ask(INGEST, {"events": events}, by=integrator))["ingestEvents"]

    assert done["verdicts"] is None
    assert done["userErrors"][0]["field"] == ["events"]


async def test_messages_are_listed_newest_first_with_whom_and_why(api, integrator, smtp):
    shop = Shop(api.stores, smtp.url)
    marketer = await api.caller(Role.MARKETER)
    saved = {"name": "greet", "subject": "Hello {{ user.name }}", "text": "Hi"}
    await api.ask(SAVE, {"input": saved}, by=marketer)
    people = [
        await api.caller(
            name=name, email=f"{name}@example.test", consent=Consent(email=name != "cy")
        )
        for name in ("ann", "bob", "cy")
    ]
    for hour, person in enumerate(people):
        events = [
            {
                "id": person.id,
                "name": "cart_updated",
                "user": person.id,
                "occurredAt": f"2026-03-02T0{hour}:00:00Z",
            }
        ]
        shop.clock.business = datetime(2026, 3, 2, hour, tzinfo=UTC)
        await api.ask(INGEST, {"events": events}, by=integrator)
    # Received long after: let them count as told in time.
    await api.stores.events.documents.update_many({}, [{"$set": {"received_at": "$at"}}])
    await shop.work()

    first = (await api.ask(MESSAGES, {"first": 2}, by=marketer))["sentMessages"]
    after = first["pageInfo"]["endCursor"]
    second = (await api.ask(MESSAGES, {"first": 2, "after": after}, by=marketer))["sentMessages"]
    bobs = await api.ask(MESSAGES, {"user": people[1].global_id}, by=marketer)

    nodes = [edge["node"] for edge in first["edges"] + second["edges"]]
    assert [(n["user"]["name"], n["status"], n["subject"]) for n in nodes] == [
        ("cy", "SKIPPED", None),
        ("bob", "SENT", "Hello bob"),
        ("ann", "SENT", "Hello ann"),
    ]
    assert nodes[0]["reason"] == "no_consent"
    assert nodes[1]["campaign"]["title"] == "Carts"
    assert (nodes[1]["to"], nodes[1]["trigger"]) == ("bob@example.test", "greet")
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (3, True)
    assert second["pageInfo"]["hasNextPage"] is False
    assert [e["node"]["to"] for e in bobs["sentMessages"]["edges"]] == ["bob@example.test"]


async def test_a_broken_template_is_refused_with_its_place(api):
    marketer = await api.caller(Role.MARKETER)
    wrong = {"name": "x", "subject": "Hi", "text": "line\n{% for %}"}

    done = (await api.ask(SAVE, {"input": wrong}, by=marketer))["saveTemplate"]

    assert done["template"] is None
    (error,) = done["userErrors"]
    assert error["field"] == ["text"]
    assert "2:3" in error["message"]
