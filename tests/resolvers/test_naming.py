"""People named by the shop's own id for them: wherever they are by ours, and to the same end."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from graphql import GraphQLInputObjectType, get_named_type

from models.campaign import Act
from models.principal import Role
from models.template import Template
from models.unique_code import Code
from resolvers.api import api as schema
from services import draws, points, stocks
from services.points import Award
from services.releases import RulesFile, release
from services.rulebook import Rulebook
from tests.client import NO_REDIS, Api, Caller, serving
from tests.everything import sent
from tests.staging import staged
from tests.wire import between

RULES = """
event seen {}
segment anns { user.name = "Ann" }
promotion for_ann { for user.name = "Ann"  take 2 USD off cart }
promotion own { codes unique  take 5 USD off cart }
trigger welcome { on seen then { send email "hello" } }
flash_sale midnight { active from 2020-01-01  sku "A" at 9 USD stock 5  limit 1 per user }
group_buy pack { active from 2020-01-01  sku "A" at 7 USD for 2 people within 24 hours }
loyalty club { earn 1 point per 1 USD of order_placed.total }
lottery lucky {
  active from 2026-01-01  enter for 100 points  draw at %s  prize "Phone" quantity 1
}
"""
CART = 'cart: { currency: "USD", lines: [{ sku: "B", price: "12.00" }] }'
ERRORS = "userErrors { code field message }"
# WHO is how Ann is named, GROUP a group that she may join; ANN in an answer is our id of her.
ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "user": ("(WHO) { name externalIds }", {"name": "Ann", "externalIds": ["C-1017"]}),
    "quoteCart": (
        f"(input: {{ WHO, {CART} }}) {{ quote {{ total {{ amount }} }} {ERRORS} }}",
        {"quote": {"total": {"amount": "10.00"}}},
    ),
    "offersFor": ("(WHO) { totalCount }", {"totalCount": 1}),
    "codesFor": ("(WHO) { totalCount }", {"totalCount": 1}),
    "pointsAccount": ("(WHO) { balance }", {"balance": 150}),
    "pointsStatement": ("(WHO) { totalCount }", {"totalCount": 1}),
    "explainRules": ('(input: { WHO, name: "anns" }) { holds }', {"holds": True}),
    "templatePreview": ('(WHO, name: "hello") { text }', {"text": "Hi Ann"}),
    "userTimeline": ("(WHO, filter: { kinds: [MESSAGE] }) { totalCount }", {"totalCount": 1}),
    "whyNotSent": ('(WHO, trigger: "welcome") { name }', {"name": "welcome"}),
    "sentMessages": ("(WHO) { totalCount }", {"totalCount": 1}),
    "codes": ('(promotion: "own", filter: { WHO }) { totalCount }', {"totalCount": 1}),
    "orders": ("(filter: { WHO }) { totalCount }", {"totalCount": 0}),
    "exportPerson": ("(WHO) { cursor }", {"cursor": None}),
    "placeOrder": (
        f'(input: {{ WHO, key: "1", total: "10.00", {CART} }}) '
        f"{{ order {{ userId userExternalIds }} {ERRORS} }}",
        {"order": {"userId": "ANN", "userExternalIds": ["C-1017"]}},
    ),
    "claimStock": (
        '(input: { WHO, sale: "midnight", idempotencyKey: "k" }) '
        f"{{ claim {{ state }} {ERRORS} }}",
        {"claim": {"state": "HELD"}},
    ),
    "openGroup": (
        f'(input: {{ WHO, groupBuy: "pack", idempotencyKey: "k" }}) '
        f"{{ group {{ joined }} {ERRORS} }}",
        {"group": {"joined": True}},
    ),
    "joinGroup": (
        f'(input: {{ WHO, groupId: "GROUP" }}) {{ group {{ state }} {ERRORS} }}',
        {"group": {"state": "COMPLETED"}},
    ),
    "buyDrawEntry": (
        f'(input: {{ WHO, lottery: "lucky", idempotencyKey: "k" }}) {{ pointsLeft {ERRORS} }}',
        {"pointsLeft": 50},
    ),
    "generateCodes": (
        f'(input: {{ WHO, promotion: "own", count: 2 }}) {{ count {ERRORS} }}',
        {"count": 2},
    ),
    "assignRoles": (
        f"(input: {{ WHO, roles: [ANALYST], version: 1 }}) {{ user {{ id roles }} {ERRORS} }}",
        {"user": {"id": "ANN", "roles": ["ANALYST"]}},
    ),
    "erasePerson": (
        f"(input: {{ WHO }}) {{ erasure {{ userId }} {ERRORS} }}",
        {"erasure": {"userId": "ANN"}},
    ),
}
# These have to be about somebody; the others can be about nobody, everybody or the caller.
NEEDED = ("user", "templatePreview", "userTimeline", "whyNotSent", "assignRoles", "erasePerson")
# A list of people says by being empty that nobody has the id.
LISTING = "users"
PEOPLE = """query ($filter: UserFilter) {
  users(filter: $filter) { totalCount edges { node { name externalIds } } }
}"""
ROOTS = {"query": schema._schema.query_type, "mutation": schema._schema.mutation_type}
KINDS = {name: kind for kind, root in ROOTS.items() if root for name in root.fields}
ALL = pytest.mark.parametrize("name", sorted(ASKED))


@dataclass
class Shop:
    """Ann is known to the shop as C-1017; somebody else has opened a group."""

    api: Api
    admin: Caller
    ann: Caller
    group: str

    async def ask(self, name: str, by: Caller | None = None, **who: str) -> dict[str, Any]:
        """Return all that is answered to an operation that names somebody so."""
        said = ", ".join(f"{called(name, key)}: ${key}" for key in who)
        text = ASKED[name][0].replace("WHO", said).replace("GROUP", self.group)
        given = ", ".join(f"${key}: {'ID' if key == 'userId' else 'String'}" for key in who)
        head = f"{KINDS[name]} ({given})" if who else KINDS[name]
        document = f"{head} {{ {name}{text.replace('()', '')} }}"
        answer: dict[str, Any] = (await self.api.post(document, who, by=by or self.admin)).json()
        return answer

    async def refusal(self, name: str, **who: str) -> tuple[str, list[str]] | None:
        """Return the code and the field of what is refused; None where nothing is there."""
        answer = await self.ask(name, **who)
        if "errors" in answer:
            (error,) = answer["errors"]
            return error["extensions"]["code"], error["extensions"]["field"]
        if answer["data"][name] is None:
            return None
        (error,) = answer["data"][name]["userErrors"]
        return error["code"], error["field"]


def called(name: str, key: str) -> str:
    """Return what an operation calls the id: people are found by their `id`."""
    return "id" if (name, key) == ("user", "userId") else key


def place(name: str, key: str) -> list[str]:
    """Return where an error says that the id is."""
    return [*["filter"] * ("filter: { WHO }" in ASKED[name][0]), called(name, key)]


@pytest.fixture
async def shop(api: Api) -> Shop:
    played = await staged(api.stores.users.database, __name__, lambda: known_as(api))
    return replace(played, api=api)


async def known_as(api: Api) -> Shop:
    now, stores = datetime.now(UTC), api.stores
    ends = (now + timedelta(days=30)).strftime("%Y-%m-%dT%H:%M")
    hello = Template(channel="email", name="hello", subject="Hi", text="Hi {{ user.name }}")
    await stores.templates.save(hello, now=now, by=None)
    await release([RulesFile("r", "Rules", RULES % ends)], Act("cli", now), stores=stores)
    current = await Rulebook(stores, fresh=0).current()
    await draws.look_after(current, stores=stores, now=now, wall=now)
    admin, bob = await api.caller(Role.ADMIN), await api.caller(Role.CUSTOMER)
    ann = await api.caller(Role.CUSTOMER, name="Ann")
    await stores.identities.link_external("C-1017", ann.id)
    award = Award(key="gift", user_id=ann.id, points=150, at=now, rules=current)
    await points.award(award, stores=stores, current=current, now=now)
    await stores.codes.add([Code(code="MINE", promotion="own", made_at=now, user_id=ann.id)])
    await stores.effects.add([sent(ann.id, "c")], wall=now)
    opened = 'openGroup(input: { groupBuy: "pack", idempotencyKey: "b" }) { group { id } }'
    group = (await api.ask(f"mutation {{ {opened} }}", by=bob))["openGroup"]["group"]["id"]
    return Shop(api, admin, ann, group)


def taking() -> Iterator[str]:
    """Yield the operations that take an external id."""
    for name, kind in KINDS.items():
        for key, argument in ROOTS[kind].fields[name].args.items():  # type: ignore[union-attr]
            inner = get_named_type(argument.type)
            if key == "externalId" or (
                isinstance(inner, GraphQLInputObjectType) and "externalId" in inner.fields
            ):
                yield name


def test_every_operation_that_takes_an_external_id_is_asked() -> None:
    assert sorted(taking()) == sorted([*ASKED, LISTING])


@ALL
@pytest.mark.parametrize("key", ["userId", "externalId"])
async def test_either_id_names_the_same_person(name: str, key: str, shop: Shop) -> None:
    ours = shop.ann.global_id

    answer = await shop.ask(name, **{key: ours if key == "userId" else "C-1017"})

    expected = ASKED[name][1] | ({"userErrors": []} if ERRORS in ASKED[name][0] else {})
    assert answer == {"data": {name: with_ours(expected, ours)}}


def with_ours(shown: Any, ours: str) -> Any:
    """Return an answer with our id of Ann where it says so."""
    if isinstance(shown, dict):
        return {key: with_ours(value, ours) for key, value in shown.items()}
    return ours if shown == "ANN" else shown


async def test_whoever_is_named_twice_or_by_nothing_is_asked_again(shop: Shop) -> None:
    both = {"userId": shop.ann.global_id, "externalId": "C-1017"}

    for name in ASKED:
        refused = await shop.refusal(name, **both)
        assert refused == ("INVALID", place(name, "externalId")), name
        for key in both:
            refused = await shop.refusal(name, **{key: " "})
            assert refused == ("INVALID", place(name, key)), name
    for name in NEEDED:
        assert await shop.refusal(name) == ("INVALID", place(name, "userId")), name


async def test_whoever_was_not_imported_is_unknown(shop: Shop) -> None:
    for name in ASKED:
        field = ROOTS[KINDS[name]].fields[name]  # type: ignore[union-attr]
        for nobody in ("C-1018", "c-1017", "C" * 201, "C-1017\n", "\0"):
            refused = await shop.refusal(name, externalId=nobody)

            is_there = str(field.type).endswith("!")
            assert refused == (("UNKNOWN_USER", place(name, "externalId")) if is_there else None), (
                name,
                nobody,
            )


async def test_people_are_listed_by_the_id_and_the_address_that_they_have(shop: Shop) -> None:
    bob = await shop.api.caller(Role.CUSTOMER, name="Bob")
    await shop.api.stores.identities.settle("bob@example.test", bob.id)

    async def names(**filter: str) -> list[str]:
        page = (await shop.api.ask(PEOPLE, {"filter": filter}, by=shop.admin))["users"]
        assert page["totalCount"] == len(page["edges"])
        return [edge["node"]["name"] for edge in page["edges"]]

    assert await names(externalId="C-1017") == ["Ann"]
    assert await names(externalId="C-1018") == []
    assert await names(externalId="C-1017", email="bob@example.test") == []
    assert await names(externalId="C-1017", role="CUSTOMER") == ["Ann"]


async def test_customers_may_say_what_the_shop_calls_them(shop: Shop) -> None:
    for name in ("user", "quoteCart", "offersFor", "codesFor", "pointsAccount", "claimStock"):
        own = await shop.ask(name, shop.ann, externalId="C-1017")

        assert (own["data"][name] or {}).get("userErrors", []) == [], name
        assert own["data"][name] is not None, name
    # What the shop calls them is its own affair.
    assert (await shop.ask("user", shop.ann, externalId="C-1017"))["data"]["user"] == {
        "name": "Ann",
        "externalIds": None,
    }


@pytest.mark.parametrize("name", sorted(each for each in ASKED if KINDS[each] == "mutation"))
async def test_the_audit_log_knows_whom_it_was_about(name: str, shop: Shop) -> None:
    await shop.ask(name, externalId="C-1017")
    await stocks.look_after(datetime.now(UTC), stores=shop.api.stores)

    drafts = shop.api.stores.audit_drafts.documents.find({"operation": name})
    noted = [each for each in await drafts.to_list() if each["by"]["id"] == shop.admin.id]

    assert [f"User:{shop.ann.id}" in each["about"] for each in noted] == [True]
    assert "C-1017" not in str(noted)


async def test_an_external_id_costs_one_read_and_our_own_none(shop: Shop, mongodb_uri: str) -> None:
    for number in range(3):
        person = await shop.api.caller(Role.CUSTOMER)
        await shop.api.stores.identities.link_external(f"C-{number}", person.id)
    async with (
        between(urlsplit(mongodb_uri).port) as wire,
        serving(
            mongodb_uri=wire.uri,
            database=shop.api.stores.users.database.name,
            redis_url=NO_REDIS,
        ) as api,
    ):
        there = Shop(api, shop.admin, shop.ann, shop.group)

        async def reads(*asked: Any) -> int:
            wire.asked.clear()
            for answer in await asyncio.gather(*asked):
                assert "errors" not in answer
            return wire.asked.count("find identities")

        assert await reads(there.ask("quoteCart", userId=shop.ann.global_id)) == 0
        assert await reads(there.ask("quoteCart", externalId="C-1017")) == 1
        many = [there.ask("quoteCart", externalId="C-1017") for _ in range(20)]
        assert await reads(*many) < 20
        assert await reads(api.ask(PEOPLE, by=shop.admin)) == 1
