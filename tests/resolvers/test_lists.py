"""Lists through the API: filtered, sorted, and read on with the cursors of the same list alone."""

from datetime import UTC, datetime
from typing import Any

import pytest
from graphql import get_named_type

from models.campaign import Act
from models.event import Event
from models.principal import Role
from models.unique_code import Code
from models.webhook import Webhook
from resolvers.api import api as schema
from resolvers.paging import digest
from schema.ids import to_global
from schema.order import OrderFilter
from services.releases import RulesFile, release
from tests.client import Api, Caller

DAYS = [datetime(2026, 3, day, tzinfo=UTC) for day in (1, 2, 3)]
PEOPLE = """
query ($filter: UserFilter, $order: UserOrder, $after: String) {
  users(first: 2, filter: $filter, orderBy: $order, after: $after) {
    totalCount edges { node { name } } pageInfo { endCursor }
  }
}
"""
ORDERS = """
query ($filter: OrderFilter, $order: OrderOrder) {
  orders(filter: $filter, orderBy: $order) { totalCount edges { node { key } } }
}
"""
PLACE = """
mutation ($key: String!, $sku: String!, $user: ID) {
  placeOrder(input: {
    key: $key, total: "12.00", userId: $user,
    cart: { currency: "USD", lines: [{ sku: $sku, price: "12.00" }] }
  }) { order { id } userErrors { message } }
}
"""
CANCEL = "mutation ($id: ID!) { cancelOrder(input: { id: $id }) { order { status } } }"
LATEST = {"field": "CREATED_AT", "direction": "DESC"}
PLACED = {"field": "PLACED_AT"}


@pytest.fixture
async def staff(api: Api) -> Caller:
    """An analyst, and three customers who became known on three days."""
    for name, day in zip("abc", DAYS, strict=True):
        await api.caller(Role.CUSTOMER, name=name)
        await api.stores.users.documents.update_one({"name": name}, {"$set": {"created_at": day}})
    return await api.caller(Role.ANALYST, name="max")


async def names(api: Api, by: Caller, **given: Any) -> list[str]:
    page = (await api.ask(PEOPLE, given, by=by))["users"]
    return [edge["node"]["name"] for edge in page["edges"]]


async def test_people_are_listed_by_the_day_they_became_known(api: Api, staff: Caller) -> None:
    of_march = {"createdAfter": "2026-03-01T00:00:00Z", "createdBefore": "2026-03-03T00:00:00Z"}

    assert await names(api, staff, filter=of_march) == ["a", "b"]
    assert await names(api, staff, filter=of_march, order=LATEST) == ["b", "a"]
    assert await names(api, staff, filter={"role": "CUSTOMER"}, order=LATEST) == ["c", "b"]


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"filter": {"role": "CUSTOMER"}}, "another filter"),
        ({"order": LATEST}, "another order"),
        ({"order": {"field": "CREATED_AT"}, "filter": {"role": "CUSTOMER"}}, "another order"),
    ],
)
async def test_a_cursor_is_of_the_list_that_it_came_with(
    other: dict[str, Any], says: str, api: Api, staff: Caller
) -> None:
    page = (await api.ask(PEOPLE, by=staff))["users"]
    cursor = page["pageInfo"]["endCursor"]
    assert await names(api, staff, after=cursor) == ["c", "max"]

    answer = (await api.post(PEOPLE, {"after": cursor, **other}, by=staff)).json()

    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "OTHER_LIST"
    assert says in error["message"]


async def test_a_campaign_is_not_sorted_by_one_time_and_filtered_by_another(api: Api) -> None:
    staff = await api.caller(Role.ANALYST)
    query = """{
      campaigns(filter: {updatedAfter: "2026-03-01T00:00:00Z"}, orderBy: {field: %s}) { totalCount }
    }"""

    assert await api.code(query % "CREATED_AT", by=staff) == "INVALID"
    assert await api.code(query % "UPDATED_AT", by=staff) is None


async def test_orders_are_listed_by_what_the_shop_looks_for(api: Api) -> None:
    till = await api.caller(Role.INTEGRATOR)
    ann = await api.caller(Role.CUSTOMER)
    placed = []
    for key, sku, user in (("1", "A", None), ("2", "B", ann.global_id), ("3", "B", None)):
        given = {"key": key, "sku": sku, "user": user}
        placed.append((await api.ask(PLACE, given, by=till))["placeOrder"]["order"]["id"])
    await api.ask(CANCEL, {"id": placed[2]}, by=till)

    async def keys(order: dict[str, str] | None = None, **filter: str) -> list[str]:
        found = (await api.ask(ORDERS, {"filter": filter, "order": order}, by=till))["orders"]
        assert found["totalCount"] == len(found["edges"])
        return [edge["node"]["key"] for edge in found["edges"]]

    assert await keys() == ["3", "2", "1"]
    assert await keys(PLACED) == ["1", "2", "3"]
    assert await keys(sku="B") == ["3", "2"]
    assert await keys(status="PLACED", sku="B") == ["2"]
    assert await keys(userId=ann.global_id) == ["2"]
    assert await keys(placedBefore="2026-01-01T00:00:00Z") == []


async def test_a_timeline_shows_what_is_asked_for(api: Api, staff: Caller) -> None:
    events = [
        Event(
            id=f"api|{at.day}",
            name=f"e{at.day}",
            user_id=staff.id,
            at=at,
            received_at=at,
            publication=1,
        )
        for at in DAYS
    ]
    await api.stores.events.add(events)
    query = """query ($user: ID!, $filter: TimelineFilter) {
      userTimeline(userId: $user, filter: $filter) { totalCount edges { node { name } } }
    }"""

    async def shown(**filter: Any) -> list[str]:
        given = {"user": staff.global_id, "filter": filter}
        found = (await api.ask(query, given, by=staff))["userTimeline"]
        assert found["totalCount"] == len(found["edges"])
        return [edge["node"]["name"] for edge in found["edges"]]

    assert await read_in_pages(api, staff, "first", "after", "ASC") == ["e1", "e2", "e3"]
    assert await read_in_pages(api, staff, "first", "after", "DESC") == ["e3", "e2", "e1"]
    assert await read_in_pages(api, staff, "last", "before", "ASC") == ["e2", "e3", "e1"]
    assert await shown(kinds=["EVENT"]) == ["e3", "e2", "e1"]
    assert await shown(kinds=["MESSAGE", "POINTS"]) == []
    assert await shown(happenedAfter="2026-03-02T00:00:00Z") == ["e3", "e2"]
    assert await shown(happenedBefore="2026-03-02T00:00:00Z", kinds=["EVENT", "TAG"]) == ["e1"]


def test_what_a_filter_leaves_out_says_nothing() -> None:
    one = OrderFilter(sku="A")

    assert digest({}) == digest({"filter": None}) == ""
    assert digest({"filter": one}) == digest({"filter": OrderFilter(sku="A", status=None)})
    assert digest({"filter": one}) != digest({"filter": OrderFilter(sku="B")})


def test_every_list_in_pages_has_the_same_arguments() -> None:
    query = schema._schema.query_type
    assert query is not None
    paged = {
        name: {"first", "after", "last", "before"} <= set(field.args)
        for name, field in query.fields.items()
        if get_named_type(field.type).name.endswith("Connection")
    }

    assert len(paged) > 10
    assert {name for name, same in paged.items() if not same} == set()


async def read_in_pages(api: Api, staff: Caller, size: str, beyond: str, way: str) -> list[str]:
    """Return a timeline's events as they come, page after page of two."""
    query = f"""query ($user: ID!, $cursor: String) {{
      userTimeline(userId: $user, {size}: 2, {beyond}: $cursor,
                   orderBy: {{field: AT, direction: {way}}}) {{
        edges {{ node {{ name }} }}
        pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
      }}
    }}"""
    names: list[str] = []
    cursor = None
    while True:
        given = {"user": staff.global_id, "cursor": cursor}
        page = (await api.ask(query, given, by=staff))["userTimeline"]
        names += [edge["node"]["name"] for edge in page["edges"]]
        info = page["pageInfo"]
        forward = size == "first"
        if not info["hasNextPage" if forward else "hasPreviousPage"]:
            return names
        cursor = info["endCursor" if forward else "startCursor"]


@pytest.mark.parametrize(
    ("asked", "at", "names"),
    [
        ('webhookDeliveries(webhook: "crn") { totalCount }', "webhook", "no webhook 'crn'"),
        ('segmentMembers(segment: "fams") { totalCount }', "segment", "no segment 'fams'"),
        ('codes(promotion: "srping") { totalCount }', "promotion", "no promotion 'srping'"),
        ('templateVersions(name: "great") { version }', "name", "no email template 'great'"),
        (f'importErrors(id: "{to_global("Import", "gone")}") {{ totalCount }}', "id", "no such"),
    ],
)
async def test_the_list_of_what_does_not_exist_is_not_empty(
    asked: str, at: str, names: str, api: Api
) -> None:
    admin = await api.caller(Role.ADMIN)

    answer = (await api.post("{ " + asked + " }", by=admin)).json()

    assert answer["data"] is None
    (error,) = answer["errors"]
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("NOT_FOUND", [at])
    assert names in error["message"]


async def test_the_list_of_what_exists_may_be_empty(api: Api) -> None:
    admin = await api.caller(Role.ADMIN)
    await api.stores.webhooks.add(Webhook(name="crm", url="", secrets=(), created_at=DAYS[0]))
    rules = [RulesFile("rules", "Rules", "promotion spring { codes unique  take 5% off cart }")]
    await release(rules, Act("cli", DAYS[0]), stores=api.stores)

    found = await api.ask(
        """{
          webhookDeliveries(webhook: "crm") { totalCount }
          codes(promotion: "spring") { totalCount }
        }""",
        by=admin,
    )

    assert found == {"webhookDeliveries": {"totalCount": 0}, "codes": {"totalCount": 0}}


async def test_codes_of_a_promotion_that_is_over_are_still_listed(api: Api) -> None:
    marketer = await api.caller(Role.MARKETER)
    await api.stores.codes.add([Code(code="A1", promotion="autumn", made_at=DAYS[0], batch="b")])

    found = await api.ask('{ codes(promotion: "autumn") { totalCount } }', by=marketer)

    assert found["codes"] == {"totalCount": 1}
