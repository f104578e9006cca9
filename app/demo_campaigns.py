"""The demo's people, and its campaigns: written by one, reviewed by another, then published."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import dsl
from app.client import Client
from models.principal import Role
from models.store import Stores
from models.template import Template
from services import people
from services.passwords import Passwords

_CAMPAIGN = "campaign { id status revision version }"
_LIST = "query { campaigns(first: 50) { edges { node { id title status version } } } }"
_KINDS = {
    "Groceries: facts and segments": {"event", "attributes", "list", "segment"},
    "Groceries: offers": {"promotion", "example", "loyalty"},
    "Groceries: journeys": {"trigger"},
}
_GOALS = {
    "Groceries: facts and segments": "What the other campaigns speak of.",
    "Groceries: offers": "Bigger baskets of what people like anyway.",
    "Groceries: journeys": "Nobody forgets a full cart.",
}


async def prepare(
    accounts: Mapping[str, tuple[str, Role]],
    templates: Sequence[Template],
    *,
    password: str,
    stores: Stores,
    now: datetime,
) -> list[str]:
    """Have these accounts and templates; return them as the audit log names them. Repeatable."""
    passwords, things = Passwords(), []
    try:
        for email, (name, role) in accounts.items():
            user = await people.ensure_user(
                email=email,
                password=password,
                name=name,
                roles=frozenset({role}),
                stores=stores,
                passwords=passwords,
                now=now,
            )
            things.append(f"User:{user.id}")
    finally:
        passwords.close()
    for template in templates:
        if await stores.templates.find(template.channel, template.name) is None:
            saved = await stores.templates.save(template, now=now, by=None)
            things.append(f"Template:{saved.id}")
    return things


def publish(source: str, author: Client, reviewer: Client) -> None:
    """Bring the rules to life, from wherever an earlier start has left them."""
    known = {
        edge["node"]["title"]: edge["node"] for edge in author.ask(_LIST)["campaigns"]["edges"]
    }
    for title, text in split(source).items():
        campaign = known.get(title) or _create(title, text, author)
        step = {"id": campaign["id"]}
        if campaign["status"] == "DRAFT":
            campaign = author.do("submitCampaign", step, _CAMPAIGN)["campaign"]
        if campaign["status"] == "IN_REVIEW":
            reason = {"reason": "Checked against last month's baskets."}
            campaign = reviewer.do("approveCampaign", step | reason, _CAMPAIGN)["campaign"]
        if campaign["status"] == "APPROVED":
            author.do("publishCampaign", step, _CAMPAIGN)


def split(source: str) -> dict[str, str]:
    """Return the rules as three campaigns: what is, what is offered, what is sent.

    Comments above a declaration go with it.
    """
    parts = dict.fromkeys(_KINDS, "")
    end = 0
    for declared in dsl.outline(dsl.parse(dsl.SourceFile("groceries.rules", source)).file):
        before = source[end : declared.span.start].replace("fanfare 1\n", "")
        end = declared.span.end
        title = next(title for title, kinds in _KINDS.items() if declared.kind in kinds)
        parts[title] += before + source[declared.span.start : end]
    return {title: text.strip() + "\n" for title, text in parts.items() if text}


def _create(title: str, text: str, author: Client) -> dict[str, str]:
    campaign = {"title": title, "source": text, "goal": _GOALS[title], "channels": ["EMAIL"]}
    created: dict[str, str] = author.do("createCampaign", campaign, _CAMPAIGN)["campaign"]
    return created
