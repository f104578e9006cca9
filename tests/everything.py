"""A shop with one of everything that has an id, for tests that walk the whole API."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from models.audience import Audience
from models.campaign import Act
from models.draw import Draw, DrawPrize, DrawState
from models.effect import Effect, EffectKind, EffectState
from models.event import Event
from models.feed import FeedEntry
from models.imports import Import, ImportKind
from models.principal import Role
from models.template import Template
from models.unique_code import Code
from models.webhook import Secret, Webhook
from schema.ids import to_global
from services import deliveries
from services.releases import RulesFile, release
from tests.client import Api, Caller
from tests.shop import NOW

EVERYONE: set[Role | str | None] = {*Role, None, "owner", "key"}
STAFF: set[Role | str | None] = {Role.ADMIN, Role.MARKETER, Role.ANALYST}
ADMIN: set[Role | str | None] = {Role.ADMIN}
# Who is given what. `owner` is the person whom it belongs to, `key` is a shop's with ORDERS.
MAY_SEE = {
    "ApiKey": ADMIN,
    "Audience": ADMIN,
    "Campaign": STAFF,
    "Claim": {Role.ADMIN, Role.INTEGRATOR, "owner", "key"},
    "Delivery": ADMIN,
    "Draw": EVERYONE,
    "EventSetAside": ADMIN,
    "Group": EVERYONE,
    "Import": {Role.ADMIN, Role.INTEGRATOR},
    "Order": STAFF | {Role.INTEGRATOR, "key"},
    "Publication": STAFF,
    "SentMessage": STAFF,
    "Session": {"owner"},
    "Template": STAFF,
    "TimelineEntry": STAFF,
    "UniqueCode": STAFF,
    "User": STAFF | {"owner"},
    "Webhook": ADMIN,
}
RULES = """
flash_sale midnight { active from 2020-01-01  sku "A" at 99 USD stock 5  limit 1 per user }
group_buy pack { active from 2020-01-01  sku "A" at 79 USD for 2 people within 24 hours }
promotion luck { codes unique  take 10% off cart }
"""
KEY = """
mutation { createApiKey(input: { name: "shop", scopes: [ORDERS] }) { apiKey { id } } }
"""
CLAIM = """
mutation { claimStock(input: { sale: "midnight", idempotencyKey: "k" }) { claim { id } } }
"""
GROUP = """
mutation { openGroup(input: { groupBuy: "pack", idempotencyKey: "k" }) { group { id } } }
"""
ORDER = """
mutation ($user: ID!) {
  placeOrder(input: {
    key: "o1", total: "12.00", userId: $user,
    cart: { currency: "USD", lines: [{ sku: "B", price: "12.00", quantity: 1 }] }
  }) { order { id } userErrors { message } }
}
"""


@dataclass
class Everything:
    """`ids` by the name of the type; `ann` is whom it is all about."""

    admin: Caller
    ann: Caller
    ids: dict[str, str] = field(default_factory=dict)


async def one_of_each(api: Api) -> Everything:
    """Make one of everything."""
    stores = api.stores
    shop = Everything(await api.caller(Role.ADMIN), await api.caller(Role.CUSTOMER))
    files = [RulesFile("sale", "Sale", RULES)]
    await release(files, Act(shop.admin.id, NOW), stores=stores)
    (campaign,) = (await stores.campaigns.find_keys(["sale"])).values()

    effect = sent(shop.ann.id, campaign.id)
    await stores.effects.add([effect], wall=NOW)
    await stores.draws.open(drawn(campaign.id))
    template = Template(channel="email", name="hello", subject="Hello", text="Hi")
    saved = await stores.templates.save(template, now=NOW, by=None)
    await stores.webhooks.add(
        Webhook(
            name="w", url="https://w.test/", secrets=(Secret("s"),), created_at=NOW, events=("*",)
        )
    )
    entry = FeedEntry("e1", "message.sent", NOW)
    delivery = deliveries.Delivery(
        id=deliveries.delivery_id("w", 1), webhook="w", seq=1, entry=entry, made_at=NOW
    )
    await stores.deliveries.add([delivery])
    await stores.audiences.add(
        Audience(
            name="a", segment="s", url="https://a.test/", token="", created_at=NOW, next_at=NOW
        )
    )
    event = Event(
        id="shop|e1", name="seen", user_id=shop.ann.id, at=NOW, received_at=NOW, publication=1
    )
    await stores.events.add([event])
    await stores.events.set_aside(event.id, "it was too heavy", "no alarm", at=NOW)

    await stores.imports.begin(
        Import(
            id="i1",
            kind=ImportKind.USERS,
            table="csv",
            mapping="",
            by="x",
            started_at=NOW,
            touched_at=NOW,
        )
    )
    code = Code(code="LUCKY-7", promotion="luck", made_at=NOW)
    await stores.codes.add([code])

    async def made(document: str, by: Caller, **variables: Any) -> str:
        (payload,) = (await api.ask(document, variables, by=by)).values()
        assert not payload.pop("userErrors", None), payload
        (thing,) = payload.values()
        return str(thing["id"])

    shop.ids = {
        "ApiKey": await made(KEY, shop.admin),
        "Audience": to_global("Audience", "a"),
        "Campaign": to_global("Campaign", campaign.id),
        "Claim": await made(CLAIM, shop.ann),
        "Delivery": to_global("Delivery", delivery.id),
        "Draw": to_global("Draw", "lucky-1"),
        "EventSetAside": to_global("Event", event.id),
        "Group": await made(GROUP, shop.ann),
        "Import": to_global("Import", "i1"),
        "Order": await made(ORDER, shop.admin, user=shop.ann.global_id),
        "Publication": to_global("Publication", "1"),
        "SentMessage": to_global("Message", effect.id),
        "Session": to_global("Session", shop.ann.principal.session_id),
        "Template": to_global("Template", saved.id),
        "TimelineEntry": to_global("TimelineEntry", f"effect:{effect.id}"),
        "UniqueCode": to_global("UniqueCode", code.key),
        "User": shop.ann.global_id,
        "Webhook": to_global("Webhook", "w"),
    }
    return shop


def sent(user_id: str, campaign_id: str, id: str = "run:step") -> Effect:
    """Return a message that was sent."""
    return Effect(
        id=id,
        kind=EffectKind.MESSAGE,
        user_id=user_id,
        run_id="run",
        trigger="welcome",
        step="step",
        campaign_id=campaign_id,
        publication=1,
        at=NOW,
        state=EffectState.SENT,
        channel="email",
        template="hello",
    )


def drawn(campaign_id: str) -> Draw:
    """Return a draw that has just opened."""
    return Draw(
        id="lucky-1",
        name="lucky",
        title=None,
        campaign_id=campaign_id,
        prizes=(DrawPrize("Phone", 1),),
        promise={"beacon": None, "prizes": [{"title": "Phone", "quantity": 1, "grants": None}]},
        commitment="0",
        secret=b"secret",
        state=DrawState.OPEN,
        opened_at=NOW,
        closes_at=NOW + timedelta(days=1),
        draw_at=NOW + timedelta(days=2),
    )
