"""Names of fields that mean something to MongoDB: refused at every door, or of no effect.

`$` begins an operator, `.` a path, and NUL ends a name; what callers send comes to be names only in
the data of events, and is values everywhere else.
"""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from app.clock import Clock
from models.campaign import Act
from models.principal import Role
from models.user import User
from schema.ids import to_global
from services import releases
from services.importing import working
from services.importing.working import Importing
from services.releases import RulesFile
from services.rulebook import Rulebook
from tests.client import Api, Caller
from tests.staging import once

RULES = """
attributes user { size: number }
attributes item { on_sale: bool }
event looked { at: { sku: text }  tags: list of { name: text } }
"""
NAMES = ("$where", "a$", "a.b", ".", "a\0b", "\0", "")
INGEST = """
mutation ($events: [EventInput!]!) {
  ingestEvents(input: { events: $events }) { verdicts { outcome path } userErrors { code } }
}
"""
PLACE = """
mutation ($lines: [CartLineInput!]!, $user: ID!, $key: String!) {
  placeOrder(input: {
    key: $key, total: "1.00", userId: $user, cart: { currency: "USD", lines: $lines }
  }) { order { id } userErrors { code field } }
}
"""


@pytest.fixture
@once
async def shop(api: Api) -> Caller:
    """The shop's own system, in a shop that knows `ann`."""
    now = datetime.now(UTC)
    await releases.release([RulesFile("r", "R", RULES)], Act("m", now), stores=api.stores)
    await api.stores.users.add(User(id="ann", created_at=now, name="Ann"))
    return await api.caller(Role.INTEGRATOR)


def datas(name: str) -> list[dict[str, Any]]:
    """Return data with that name at every place where one can stand, declared and not."""
    return [
        {name: 1},
        {name: {"$gt": ""}},
        {"at": {name: 1}},
        {"tags": [{name: 1}]},
        {"other": {name: 1}},
        {"other": [{"deep": {name: 1}}]},
    ]


def told() -> list[dict[str, Any]]:
    """Return an event of each such data."""
    every = [data for name in NAMES for data in datas(name)]
    return [
        {"id": str(place), "name": "looked", "user": "ann", "data": data}
        for place, data in enumerate(every)
    ]


async def nothing_is_kept(api: Api) -> bool:
    return await api.stores.events.documents.count_documents({}) == 0


async def test_events_with_such_a_name_are_refused_by_graphql(api: Api, shop: Caller) -> None:
    events = told()

    done = (await api.ask(INGEST, {"events": events}, by=shop))["ingestEvents"]

    assert [each["outcome"] for each in done["verdicts"]] == ["REJECTED"] * len(events)
    assert all(each["path"][0] == "data" for each in done["verdicts"])
    assert await nothing_is_kept(api)


async def test_events_with_such_a_name_are_refused_at_v1_events(api: Api, shop: Caller) -> None:
    cloud = [
        {
            "specversion": "1.0",
            "type": "shop.looked",
            "source": "pos",
            "subject": "ann",
            **{part: event[part] for part in ("id", "data")},
        }
        for event in told()
    ]
    headers = {f"ce-{key}": value for key, value in cloud[0].items() if isinstance(value, str)}
    batch = {"content-type": "application/cloudevents-batch+json"}
    bodies: list[tuple[bytes, dict[str, str]]] = [
        (b"\n".join(map(orjson.dumps, told())), {"content-type": "application/x-ndjson"}),
        (orjson.dumps(cloud), batch),
        (orjson.dumps(cloud[0]), {"content-type": "application/cloudevents+json"}),
        (orjson.dumps(cloud[0]["data"]), headers | {"content-type": "application/json"}),
    ]
    token = {"authorization": f"Bearer {shop.token}"}

    for body, kind in bodies:
        answer = await api.http.post("/v1/events", content=body, headers=token | kind)
        lines = answer.text.count("\n") if "x-ndjson" in kind["content-type"] else None
        refused = answer.text.count('"rejected"')
        assert refused == (lines or len(answer.json()["verdicts"]))
        assert answer.text.count('"path":["data"') == refused

    assert await nothing_is_kept(api)


async def test_rows_with_such_a_name_are_refused_by_imports(api: Api, shop: Caller) -> None:
    when = "2026-01-01T00:00:00Z"
    order = {"orderId": "1", "user": "ann", "placedAt": when, "total": "1"}
    files: dict[str, list[dict[Any, Any]]] = {
        "events": [event | {"occurredAt": when} for event in told()],
        "users": [
            {"externalId": "1"} | more
            for name in NAMES
            for more in ({"attributes": {name: 1}}, {name: 1})
        ],
        "products": [
            {"sku": "1"} | more for name in NAMES for more in ({name: 1}, {"sku": {name: 1}})
        ],
        "orders": [
            order | more for name in NAMES for more in ({"data": {name: 1}}, {"orderId": {name: 1}})
        ],
    }
    stores = api.stores
    worker = Importing(stores=stores, rulebook=Rulebook(stores, fresh=0), clock=Clock())
    headers = {"authorization": f"Bearer {shop.token}", "content-type": "application/x-ndjson"}

    for kind, rows in files.items():
        sent = await api.http.post(
            f"/v1/imports/{kind}?key={kind}",
            content=b"\n".join(map(orjson.dumps, rows)),
            headers=headers,
        )
        assert sent.status_code == 202, sent.text
        await working.work(kind, worker)
        job = (await api.http.get(f"/v1/imports/{kind}/{kind}", headers=headers)).json()
        assert (kind, job["state"], job["refused"]) == (kind, "done", len(rows))

    assert await nothing_is_kept(api)
    assert await stores.users.documents.count_documents({}) == 2  # ann, and the shop's own
    assert await stores.products.documents.count_documents({}) == 0


async def test_attributes_of_a_cart_with_such_a_name_say_nothing(api: Api, shop: Caller) -> None:
    attributes = dict.fromkeys(NAMES, 1) | {"on_sale": True}
    line = {"sku": "A", "price": "1.00", "quantity": 1, "attributes": attributes}
    given = {"user": to_global("User", "ann"), "key": "o", "lines": [line]}

    done = await api.ask(PLACE, given, by=shop)

    assert done["placeOrder"]["userErrors"] == []
    kept = orjson.dumps(await api.stores.orders.documents.find_one({}), default=str)
    assert b'"sku":"A"' in kept
    assert not [name for name in NAMES if orjson.dumps(name) + b":" in kept]


async def test_such_text_is_a_value_wherever_one_is_sent(api: Api) -> None:
    marketer = await api.caller(Role.MARKETER)
    by_address = "query ($is: String) { users(filter: { email: $is }) { edges { node { id } } } }"
    by_name = "query ($is: String!) { segmentMembers(segment: $is) { edges { cursor } } }"
    by_id = "query ($is: ID!) { user(id: $is) { id } node(id: $is) { id } }"

    for text in ("$ne", '{"$gt": ""}', "a.b", "$$ROOT", "a\0b"):
        assert await api.code(by_address, {"is": text}, by=marketer) == "INVALID"
        assert await api.code(by_name, {"is": text}, by=marketer) == "NOT_FOUND"
        found = await api.post(by_id, {"is": to_global("User", text)}, by=marketer)
        if "\0" in text:
            assert found.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
        else:
            assert found.json() == {"data": {"user": None, "node": None}}


async def test_an_object_is_no_text_and_no_id(api: Api) -> None:
    marketer = await api.caller(Role.MARKETER)
    asked = [
        "query ($is: String) { users(filter: { email: $is }) { totalCount } }",
        "query ($is: String!) { segmentMembers(segment: $is) { totalCount } }",
        "query ($is: ID!) { user(id: $is) { id } }",
        "query ($is: String) { campaigns(after: $is) { totalCount } }",
    ]

    for sent in ({"$ne": ""}, {"$gt": ""}, {"": ""}, [{"$ne": ""}]):
        codes = {await api.code(query, {"is": sent}, by=marketer) for query in asked}
        assert codes == {"BAD_USER_INPUT"}
