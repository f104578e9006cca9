"""What delivering an effect takes: whom it is for, what it says, where it goes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from models.effect import Effect, EffectKind
from models.store import Stores
from models.template import Template
from models.user import User
from models.webhook import Webhook

WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Parcel:
    """An effect with all that was found for it. A call has no template."""

    effect: Effect
    user: User | None
    template: Template | None
    webhook: Webhook | None

    @property
    def destination(self) -> str:
        """Where it goes, as far as one that does not answer holds up the other."""
        return _destination(self.effect, self.webhook)


async def load(effects: Sequence[Effect], *, stores: Stores) -> list[Parcel]:
    """Look up what these effects need, in their order."""
    users = await stores.users.find_many(list({effect.user_id for effect in effects}))
    templates = await stores.templates.find_many(
        {(e.channel, e.template) for e in effects if e.kind is EffectKind.MESSAGE}
    )
    webhooks = await _webhooks(effects, templates, stores)
    return [
        Parcel(
            effect,
            users.get(effect.user_id),
            templates.get((effect.channel, effect.template)),
            webhooks.get(effect.id),
        )
        for effect in effects
    ]


async def destinations(effects: Sequence[Effect], *, stores: Stores) -> dict[str, list[Effect]]:
    """Sort effects by where they go. Looks up nothing that only delivering takes."""
    through = [effect for effect in effects if effect.channel == WEBHOOK]
    named = {(e.channel, e.template) for e in through if e.kind is EffectKind.MESSAGE}
    templates = await stores.templates.find_many(named) if named else {}
    webhooks = await _webhooks(through, templates, stores)
    sorted_: dict[str, list[Effect]] = {}
    for effect in effects:
        to = _destination(effect, webhooks.get(effect.id))
        sorted_.setdefault(to, []).append(effect)
    return sorted_


def by_destination(parcels: Iterable[Parcel]) -> dict[str, list[Parcel]]:
    """Sort parcels by where they go."""
    sorted_: dict[str, list[Parcel]] = {}
    for parcel in parcels:
        sorted_.setdefault(parcel.destination, []).append(parcel)
    return sorted_


def _destination(effect: Effect, webhook: Webhook | None) -> str:
    """Return a channel, which has one server, or a webhook's host."""
    if webhook is None:
        return effect.channel
    host = urlsplit(webhook.url).netloc.rpartition("@")[2]
    return f"{WEBHOOK}:{host}"


async def _webhooks(
    effects: Sequence[Effect], templates: dict[tuple[str, str], Template], stores: Stores
) -> dict[str, Webhook]:
    """Return the webhooks that effects go to, by effect."""
    named = {effect.id: _webhook_name(effect, templates) for effect in effects}
    wanted = {name for name in named.values() if name is not None}
    webhooks = await stores.webhooks.find_many(wanted) if wanted else {}
    return {effect_id: webhooks[name] for effect_id, name in named.items() if name in webhooks}


def _webhook_name(effect: Effect, templates: dict[tuple[str, str], Template]) -> str | None:
    if effect.channel != WEBHOOK:
        return None
    if effect.kind is EffectKind.CALL:
        return effect.template
    template = templates.get((effect.channel, effect.template))
    return None if template is None else template.subject
