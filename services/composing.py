"""Making a message out of an effect: what it says, to whom, under which id."""

from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson

from channels import Message
from engine.consents import ADDRESS
from engine.playbook import playbook_of
from engine.presentation import present
from engine.rendering import TemplateError, render
from models.effect import Effect, EffectKind
from models.user import User
from services.facts import user_facts
from services.links import Links, Subscription
from services.parcels import WEBHOOK, Parcel
from services.rulebook import Rulebook
from services.tracking import tracked


async def compose(
    parcel: Parcel, *, rulebook: Rulebook, links: Links | None, wall: datetime
) -> Message:
    """Return the message of a parcel that can be sent. Raises TemplateError.

    A repeat has the same id and, for a call, the same body; only what proves its age is new.
    """
    effect, user = parcel.effect, parcel.user
    assert user is not None
    if effect.kind is EffectKind.CALL:
        return _to_webhook(parcel, call_body(effect), wall)
    assert parcel.template is not None
    data = {**effect.data, "user": await _shown(user, effect, rulebook)}
    unsubscribe = _unsubscribe(parcel, links)
    if unsubscribe is not None:
        data["unsubscribe_url"] = unsubscribe
    rendered = render(parcel.template, data)
    if effect.channel == WEBHOOK:
        return _to_webhook(parcel, _json(rendered.text), wall)
    return Message(
        id=message_id(effect),
        to=address_of(effect.channel, user),
        name=user.name,
        subject=rendered.subject,
        text=rendered.text,
        html=_tracked(rendered.html, parcel, links),
        at=effect.at,
        unsubscribe=unsubscribe,
        devices=user.devices if effect.channel == "push" else (),
    )


def _unsubscribe(parcel: Parcel, links: Links | None) -> str | None:
    """Return where the message can be ended, if it is one that can be."""
    effect, template = parcel.effect, parcel.template
    if links is None or template is None or effect.transactional or effect.channel not in ADDRESS:
        return None
    return links.unsubscribe(
        Subscription(effect.user_id, effect.channel, template.topic, effect.id)
    )


def _tracked(html: str | None, parcel: Parcel, links: Links | None) -> str | None:
    agreed = parcel.user is not None and parcel.user.consent.tracking
    if html is None or links is None or not agreed or parcel.effect.transactional:
        return html
    return tracked(html, parcel.effect.id, links)


def address_of(channel: str, user: User) -> str:
    """Return where a person is reached on a channel: of devices, how many."""
    match channel:
        case "email":
            return user.email or ""
        case "sms":
            return user.phone or ""
        case _:
            return f"{len(user.devices)} devices"


def message_id(effect: Effect) -> str:
    """Return the id that the other side knows the message by, however often it is tried."""
    return sha256(effect.id.encode()).hexdigest()[:32]


def call_body(effect: Effect) -> str:
    """Return what a webhook is told by `call`."""
    body = {
        "type": "journey.call",
        "timestamp": effect.at.isoformat().replace("+00:00", "Z"),
        "data": dict(effect.data),
        "user": effect.user_id,
        "trigger": effect.trigger,
        "run": effect.run_id,
        "step": effect.step,
    }
    return orjson.dumps(body, option=orjson.OPT_UTC_Z, default=str).decode()


def _json(text: str) -> str:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError as error:
        reason = f"what it says is not JSON: {error}; `| json` writes a value as JSON"
        raise TemplateError("text", reason) from error
    return text


def _to_webhook(parcel: Parcel, body: str, wall: datetime) -> Message:
    webhook = parcel.webhook
    assert webhook is not None
    return Message(
        id=message_id(parcel.effect),
        to=webhook.url,
        name="",
        subject=webhook.name,
        text=body,
        html=None,
        # Receivers refuse what is too old: it is the time of this try that is signed.
        at=wall,
        keys=webhook.keys(wall),
    )


async def _shown(user: User, effect: Effect, rulebook: Rulebook) -> Any:
    published = await rulebook.version(effect.publication)
    program = playbook_of(published.program).program
    return present(user_facts(user), program.user, program.currency)
