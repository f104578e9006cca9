"""No query asks the database more than once for each level.

A level is one field at one place of the answer, as `users.edges.node.segments`, taken over all the
objects that are there. What is counted are the commands that its resolvers send to mongod, by
collection, the following batches of a cursor apart: no collection may be asked twice, but for what
SEVERAL gives a reason for. Every root field is asked, what is found by its id for two ids at once,
and below it every field that is not plain, of at least two objects where there is a list; plain
fields read attributes and send nothing. Whether the caller's session still counts is looked up
before any field, and how the rules stand by the clock: they are not among these.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from inspect import isawaitable
from typing import Any

import pytest
from graphql import GraphQLInterfaceType, GraphQLObjectType, GraphQLOutputType, get_named_type
from pymongo import monitoring

from app.admission import Admitted
from models.campaign import Act
from models.delivery import Delivery, delivery_id
from models.feed import FeedEntry
from models.points import Reason, Transfer
from resolvers.api import api as schema
from schema.ids import split_global, to_global
from services import fillings
from services.releases import RulesFile, release
from services.rulebook import Rulebook
from tests.client import Api
from tests.everything import ORDER, RULES, Everything, one_of_each, sent
from tests.shop import NOW, undisputed

MORE_RULES = """
event seen {}
segment named { user.name = "" }
trigger welcome { on seen then { send email "hello" } }
"""
CART = '{currency: "USD", lines: [{sku: "A", price: "12.00"}]}'
# Root fields that ask a collection several questions, always as many however much there is.
SEVERAL = {
    "drawReceipts entries": "the caller's entries, and all tickets for the way to the root",
    "exportPerson audit_drafts": "what is exported is recorded, before and after",
    "exportPerson users": "whether there is such a person, and what is kept of them",
    "planRules campaigns": "those in the folder by their keys, those that are live by their ids",
    "planRules templates": "those that the rules send, and those that the folder would change",
    "pointsStatement points": "a page of the ledger, and the balance that it ends with",
    "segmentPreview users": "how many there are, how many of them are in it, and who for example",
    "whyNotSent events": "what rules see of them, and how late the latest one was told",
}
PLAIN = "{ __typename }"
QUERY = schema._schema.query_type
TYPES = schema._schema.type_map
NOT_PLAIN = {
    (kind.name, name): shown
    for kind in TYPES.values()
    if isinstance(kind, GraphQLObjectType) and kind.name not in ("Mutation", "Subscription")
    for name, shown in kind.fields.items()
    if (definition := shown.extensions.get("strawberry-definition")) is not None
    and not definition.is_basic_field
}

_LEVEL: ContextVar[str] = ContextVar("level", default="")


class Listener(monitoring.CommandListener):
    """Counts what resolvers send, by level and collection."""

    def __init__(self) -> None:
        self.sent: Counter[str] = Counter()

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        level = _LEVEL.get()
        if level and event.command_name != "getMore":
            self.sent[f"{level} {event.command[event.command_name]}"] += 1

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass


@pytest.fixture(scope="module")
def listener() -> Listener:
    """Hears of what all clients do that are made from now on."""
    listener = Listener()
    monitoring.register(listener)
    return listener


@dataclass
class Asked:
    """Which fields were resolved, and how often at each level that is below a list."""

    fields: set[tuple[str, str]] = field(default_factory=set)
    below_lists: Counter[str] = field(default_factory=Counter)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Have each resolver say at which level it is, for as long as it runs."""
    asked = Asked()

    def saying(key: tuple[str, str], original: Any) -> Any:
        async def resolve(source: Any, info: Any, /, **given: Any) -> Any:
            path = info.path.as_list()
            level = ".".join(key.partition("_")[0] for key in path if isinstance(key, str))
            asked.fields.add(key)
            asked.below_lists[level] += any(isinstance(part, int) for part in path)
            token = _LEVEL.set(level)
            try:
                result = original(source, info, **given)
                return await result if isawaitable(result) else result
            finally:
                _LEVEL.reset(token)

        return resolve

    for key, shown in NOT_PLAIN.items():
        monkeypatch.setattr(shown, "resolve", saying(key, shown.resolve))
    return asked


async def test_no_level_asks_a_collection_twice(listener: Listener, asked: Asked, api: Api) -> None:
    shop = await furnished(api)
    context = replace(
        api.context(Admitted("test", "127.0.0.1", shop.admin.access)),
        rulebook=Rulebook(api.stores, fresh=3_600),
    )
    await context.rulebook.current()

    twice: dict[str, int] = {}
    for document in documents(shop):
        listener.sent.clear()
        answer = await schema.execute(document, context_value=context)
        assert answer.errors is None, answer.errors
        twice |= {what: count for what, count in listener.sent.items() if count > 1}

    assert {what: count for what, count in twice.items() if what not in SEVERAL} == {}
    assert asked.fields == set(NOT_PLAIN)
    assert {level: count for level, count in asked.below_lists.items() if count == 1} == {}


async def furnished(api: Api) -> Everything:
    """Make one of everything, and another of what leads on to something else."""
    shop, stores = await one_of_each(api), api.stores
    files = [RulesFile("sale", "Sale", RULES), RulesFile("more", "More", MORE_RULES)]
    await release(files, Act(shop.admin.id, NOW), stores=stores)
    while await fillings.step(
        undisputed, stores=stores, rulebook=Rulebook(stores, fresh=0), now=NOW
    ):
        pass
    (other,) = (await stores.campaigns.find_keys(["more"])).values()
    shop.ids["other campaign"] = to_global("Campaign", other.id)
    await stores.effects.add([sent(shop.admin.id, other.id, "run:other")], wall=NOW)
    await stores.points.add(
        [Transfer(id="t", user_id=shop.ann.id, reason=Reason.AWARDED, points=5, at=NOW)]
    )
    second = ORDER.replace('"o1"', '"o2"')
    order = await api.ask(second, {"user": shop.admin.global_id}, by=shop.admin)
    shop.ids["other order"] = order["placeOrder"]["order"]["id"]
    entry = FeedEntry("e2", "message.sent", NOW, user_id=shop.ann.id)
    delivery = Delivery(id=delivery_id("w", 2), webhook="w", seq=2, entry=entry, made_at=NOW)
    await stores.deliveries.add([delivery])
    shop.ids["other delivery"] = to_global("Delivery", delivery.id)
    return shop


def documents(shop: Everything) -> Iterator[str]:
    """Yield documents that ask for everything."""
    given = arguments(shop)
    assert QUERY is not None
    for name, shown in QUERY.fields.items():
        parts = [f"({each})" if each else "" for each in given.get(name, [""])]
        below = selection(shown.type)
        fields = [f"{name}_{at}: {name}{part} {below}" for at, part in enumerate(parts)]
        # Readers that share a loader at two levels of one document would be told apart by nothing.
        yield from (
            ["{ " + each + " }" for each in fields]
            if name == "nodes"
            else ["{ " + " ".join(fields) + " }"]
        )


def selection(kind: GraphQLOutputType, above: tuple[str, ...] = ()) -> str:
    """Select all that is not plain below a type."""
    named: Any = get_named_type(kind)
    if isinstance(named, GraphQLInterfaceType):
        parts = [(each.name, selection(each)) for each in schema._schema.get_possible_types(named)]
        spread = [f"... on {name} {inner}" for name, inner in parts if inner != PLAIN]
        return "{ __typename " + " ".join(spread) + " }"
    if not isinstance(named, GraphQLObjectType):
        return ""
    found = [
        f"{name} {inner}"
        for name, shown in named.fields.items()
        if get_named_type(shown.type).name not in above
        for inner in [selection(shown.type, (*above, named.name))]
        if inner not in ("", PLAIN) or (named.name, name) in NOT_PLAIN
    ]
    return "{ " + " ".join(["__typename", *found]) + " }"


def arguments(shop: Everything) -> Mapping[str, list[str]]:
    """Return what root fields are asked with, where something has to be given."""
    ids, admin = shop.ids, shop.admin.global_id
    ann = f'userId: "{shop.ann.global_id}"'
    source = "source: " + json.dumps(MORE_RULES)
    two = {
        "User": [shop.ann.global_id, admin],
        "SentMessage": [ids["SentMessage"], to_global("Message", "run:other")],
        "Campaign": [ids["Campaign"], ids["other campaign"]],
        "Delivery": [ids["Delivery"], ids["other delivery"]],
        "Order": [ids["Order"], ids["other order"]],
    }
    two = {name: [id_, to_global(split_global(id_)[0], "gone")] for name, id_ in ids.items()} | two
    return {
        **{
            name.lower(): [f'id: "{each}"' for each in two[name]]
            for name in ("Campaign", "Draw", "Group", "Import", "Order", "User")
        },
        "node": [f'id: "{each}"' for each in two["Order"]],
        "nodes": [f"ids: {json.dumps(each)}" for each in two.values()],
        "checkRules": [f"{source}, withPublished: true"],
        "codes": ['promotion: "luck"'],
        "codesFor": [ann],
        "completeRules": [f"{source}, offset: 3, withPublished: true"],
        "drawReceipts": [f'id: "{ids["Draw"]}"'],
        "drawRecord": [f'id: "{ids["Draw"]}"'],
        "erasure": [ann],
        "exportPerson": [ann],
        "explainRules": [f'input: {{name: "named", {ann}}}'],
        "formatRules": [source],
        "hoverRules": [f"{source}, offset: 3, withPublished: true"],
        "importErrors": [f'id: "{ids["Import"]}"'],
        "offersFor": [f"{ann}, cart: {CART}"],
        "planRules": [f'input: {{files: [{{name: "f", text: {json.dumps(MORE_RULES)}}}]}}'],
        "pointsAccount": [ann],
        "pointsStatement": [ann],
        "quoteCart": [f"input: {{{ann}, cart: {CART}}}"],
        "segmentMembers": ['segment: "named"'],
        "segmentPreview": ['segment: "named"'],
        "stock": ['sale: "midnight"'],
        "suppression": ['address: "ann@example.test"'],
        "templatePreview": [f'name: "hello", {ann}'],
        "templateVersions": ['name: "hello"'],
        "userTimeline": [ann],
        "webhookDeliveries": ['webhook: "w"'],
        "whyNotSent": [f'trigger: "welcome", {ann}'],
    }
