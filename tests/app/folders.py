"""A folder of rules for the tests of plan, publish and pull."""

from datetime import UTC, datetime

from models.campaign import Act
from models.principal import Role
from models.store import Stores
from services import campaigns, people
from services.passwords import Passwords

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
ACT = Act("someone", NOW)
FACTS = "attributes user { size: number }\n"
LARGE = "segment large { user.size >= 3 }\n"
SPRING = (
    'campaign spring "Spring sale" { }\n'
    "promotion spring_sale { for user in segment large  take 10% off cart }\n"
    'trigger thanks { on order_placed then { wait 1 day  send email "thanks" } }\n'
)
THANKS = "Subject: Thank you\n\nThank you, {{ user.name }}.\n"
SHOP = {
    "facts.rules": FACTS,
    "offers/large.rules": LARGE,
    "offers/spring.rules": SPRING,
    "templates/thanks.liquid": THANKS,
    "templates/thanks.html.liquid": "<p>Thank you.</p>\n",
}


async def account(stores, *roles: Role) -> None:
    passwords = Passwords()
    await people.ensure_user(
        email="ci@example.test",
        password="a long enough password",
        name="CI",
        roles=frozenset(roles),
        stores=stores,
        passwords=passwords,
        now=NOW,
    )
    passwords.close()


async def by_hand(title: str, source: str, stores: Stores):
    campaign = await campaigns.create(title, source, ACT, stores=stores)
    await campaigns.submit(campaign.id, ACT, stores=stores)
    await campaigns.approve(campaign.id, Act("reviewer", NOW), stores=stores)
    return await campaigns.publish(campaign.id, ACT, stores=stores)
