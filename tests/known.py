"""Someone of whom a shop keeps something in every collection that can hold it."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from channels.social import Social
from models.api_key import Scope
from models.audit import Actor, Credential, SealKeys
from models.delivery import Delivery
from models.event import IncomingEvent
from models.feed import FeedEntry
from models.letter import Purpose
from models.messaging import Bounce, Cap, Messaging
from models.principal import Principal, Role
from models.user import Consent
from services import (
    accounts,
    api_keys,
    audiences,
    bounces,
    chaining,
    draws,
    orders,
    sequencer,
    sessions,
    stocks,
    throttling,
    visitors,
)
from services.audiences import Platforms
from services.audit import Recorder
from services.claims import Claims
from services.groups import Groups
from services.orders import Placing, Till
from services.passwords import Passwords
from services.reporting import rollup
from services.sessions import Origin
from services.tokens import Tokens
from tests.shop import Shop, event

ID = "0erika"
NAME = "Erika Musterfrau"
PASSWORD = "correct horse battery"
EMAIL = "erika@musterfrau.example"
PHONE = "+436601234567"
DEVICE = "device-of-musterfrau"
EXTERNAL = "crm-musterfrau-4711"
VISITOR = "visitor-musterfrau"
# Nothing of these may be found anywhere.
TRACES = ("musterfrau", "erika ", "436601234567", "1990-07-11", "forget me not")

SEAL_KEYS = SealKeys.of("a secret for tests, long enough to sign")
TOKENS = Tokens("a secret for tests, long enough to sign")
BY_HER = Actor(Credential.SESSION, ID)

RULES = """
event wrote { note: text }
attributes user { motto: text }
segment quiet { user.motto is known }
loyalty club { earn 1 point per 1 USD of order_placed.total  points expire after 60 days }
promotion hello { award 30 points  limit 1 per user }
promotion own { codes unique  take 10% off cart }
flash_sale midnight { active from 2026-03-01  sku "A" at 99 USD stock 3  hold 10 minutes }
group_buy pack { active from 2026-03-01  sku "B" at 79 USD for 2 people within 1 days stock 9 }
lottery lucky { active from 2026-03-01 to 2026-03-02  enter on wrote
  draw at 2026-03-03T12:00  prize "Phone" quantity 1 }
trigger greet { on wrote where note is known  then {
  grant own for 7 days
  send email "hello" with { note: event.note }
  wait 20 days
  send email "hello" with { note: event.note }
} }
"""
SUBJECT = "{{ user.name }}, {{ note }}"


async def make(shop: Shop, platform: str) -> None:
    """Have Erika live through everything, next to Bob, who stays."""
    await shop.template("hello", SUBJECT, "Hi {{ user.name }}")
    await shop.publish(RULES)
    workspace = await shop.stores.workspace.get()
    capped = Messaging(caps=(Cap(most=9, days=30),))
    await shop.stores.workspace.edit(version=workspace.version, messaging=capped)
    await _sign_up(shop)
    await shop.person("bob", consent=Consent(email=True, social=True))
    await shop.fill()
    await _act(shop)
    await _be_told(shop)
    await audiences.create(
        "quiet", "quiet", platform, "t", stores=shop.stores, clock=shop.clock, private=True
    )
    await sync(shop)
    async with Recorder(shop.stores, shop.clock.wall).record("updateProfile", BY_HER):
        pass


async def _sign_up(shop: Shop) -> None:
    await shop.person(
        ID,
        name=NAME,
        email=EMAIL,
        phone=PHONE,
        devices=(DEVICE,),
        birthday=date(1990, 7, 11),
        consent=Consent(email=True, social=True),
        attributes={"motto": "forget me not"},
    )
    stores, wall = shop.stores, shop.clock.wall()
    passwords = Passwords()
    await stores.identities.settle(EMAIL, ID)
    await stores.identities.link_external(EXTERNAL, ID)
    await stores.credentials.put(ID, await passwords.hash(PASSWORD), now=wall)
    await sessions.sign_in(
        email=EMAIL,
        password=PASSWORD,
        origin=Origin("192.0.2.1", "Musterfrau's phone"),
        stores=stores,
        passwords=passwords,
        tokens=TOKENS,
        wall=wall,
    )
    passwords.close()
    await throttling.admit(EMAIL, "192.0.2.1", stores=stores, wall=wall)
    await accounts.register(
        email=EMAIL, name=NAME, address="192.0.2.1", stores=stores, jobs=shop.bells, wall=wall
    )
    for purpose in (Purpose.RESET, Purpose.VERIFY):
        await accounts.request(
            purpose, EMAIL, address="192.0.2.1", stores=stores, jobs=shop.bells, wall=wall
        )
    for letter in await stores.letters.overdue(before=wall + timedelta(days=1), limit=9):
        await stores.letters.settle(letter)
    # A key that she made as one of the staff.
    staff = Principal(ID, frozenset({Role.ADMIN}), "s")
    await api_keys.create(
        "shop", [Scope.EVENTS], caller=staff, stores=stores, tokens=TOKENS, now=wall
    )


async def _act(shop: Shop) -> None:
    stores, rulebook, now = shop.stores, shop.rulebook, shop.clock.now()
    note = "forget me not"
    await shop.tell(event("wrote", "e1", ID, note=note), event("wrote", "e2", "bob", note="hello"))
    seen = IncomingEvent(id="e3", name="wrote", anonymous=VISITOR, data={"note": note})
    await shop.tell(seen)
    await visitors.identify(
        VISITOR, EXTERNAL, stores=stores, rulebook=rulebook, jobs=shop.bells, now=now
    )
    await shop.work()
    till = Till(stores=stores, rulebook=rulebook, jobs=shop.bells, clock=shop.clock)
    held = await Claims(stores, rulebook).claim("midnight", "k", user_id=ID, now=now)
    line = {"sku": "A", "price": "120.00", "@claim": held.id}
    cart = {"currency": "USD", "lines": [line]}
    await orders.place(Placing(key="o1", cart=cart, total=Decimal("99.00"), user_id=ID), till)
    groups = Groups(stores, rulebook)
    group = await groups.open("pack", "k", user_id=ID, now=now)
    await groups.join(group.id, user_id="bob", now=now)
    await shop.work()
    await stocks.look_after(now, stores=stores)


async def _be_told(shop: Shop) -> None:
    """Have others be told of her: by the feed, by a webhook's log, an audience, a bounce."""
    stores, clock = shop.stores, shop.clock
    said = Bounce(
        id="b1",
        channel="email",
        address=EMAIL,
        complaint=False,
        permanent=True,
        at=clock.now(),
        message_id="",
        reason=f"550 {EMAIL} is unknown here",
    )
    await bounces.take([said], stores=stores, suppression=shop.suppression, now=clock.now())
    recorder = Recorder(stores, clock.wall)
    for _ in range(2):
        async with recorder.record("updateProfile", BY_HER, [f"User:{ID}"]):
            pass
        await chaining.link(stores=stores, wall=clock.wall(), keys=SEAL_KEYS)
    for _ in range(3):
        clock.turn(days=1)
        await shop.work()
        await draws.look_after(
            await shop.rulebook.current(), stores=stores, now=clock.now(), wall=clock.wall()
        )
    await told(shop)
    block = await stores.feed.documents.find_one({"entries.data.subject": {"$exists": True}})
    assert block is not None
    entry = next(each for each in block["entries"] if each.get("user") == ID)
    data = {**entry.get("data", {}), "subject": f"Hi {NAME}"}
    about = FeedEntry(entry["_id"], entry["type"], entry["at"], user_id=ID, data=data)
    await stores.deliveries.add(
        [Delivery(id="crm:1", webhook="crm", seq=1, entry=about, made_at=clock.wall())]
    )
    waiting = FeedEntry("late", "message.sent", clock.now(), None, ID, data)
    await stores.outbox.add([waiting])
    await stores.alarms.note(replace(waiting, id="alarm"), stores.events, "heavy")


async def told(shop: Shop) -> None:
    """Give everything that waits its place in the feed."""
    head, waiting = await sequencer.read_head(stores=shop.stores), 1
    while waiting:
        head, waiting = await sequencer.step(head, stores=shop.stores, wall=shop.clock.wall())
    await rollup.follow(stores=shop.stores)


async def sync(shop: Shop) -> None:
    """Bring that audience up to date."""
    shop.clock.real += timedelta(minutes=2)
    platforms = Platforms(stores=shop.stores, clock=shop.clock, social=Social(shop.client))
    await audiences.sync("quiet", platforms)
