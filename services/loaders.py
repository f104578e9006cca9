"""Things by their keys: whoever asks for some at one moment shares a read of the database.

There is one of each for a process, so that it is not only the fields of one query that share.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias, TypeVar

from models.api_key import ApiKey
from models.audience import Audience
from models.campaign import Campaign
from models.claim import Claim
from models.delivery import Delivery
from models.draw import Draw
from models.effect import Effect
from models.event import Event
from models.group import Group
from models.imports import Import
from models.order import Order
from models.publication import Publication
from models.session import Session
from models.store import Stores
from models.template import Template
from models.timeline import TimelineEntry
from models.unique_code import Code
from models.user import User
from models.webhook import Webhook
from services.together import Together

T = TypeVar("T")
# What is there under a key, or None.
Loader: TypeAlias = Together[str, T | None]
# An event that was set aside, why, and when.
SetAside: TypeAlias = tuple[Event, str, datetime]


class Loaders:
    """`await loaders.users(key)` and the like. They know nothing of who may see what."""

    def __init__(self, stores: Stores) -> None:
        self.users: Loader[User] = _loader(stores.users.find_many)
        # Whose an id of the shop's own system is, and which of them somebody has.
        self.by_external_id: Loader[str] = _loader(stores.identities.find_external)
        self.external_ids: Loader[list[str]] = _loader(stores.identities.external_of)
        self.campaigns: Loader[Campaign] = _loader(stores.campaigns.find_many)
        self.publications: Loader[Publication] = _loader(stores.publications.find_many)
        self.orders: Loader[Order] = _loader(stores.orders.find_many)
        self.claims: Loader[Claim] = _loader(stores.claims.find_many)
        self.groups: Loader[Group] = _loader(stores.groups.find_many)
        self.draws: Loader[Draw] = _loader(stores.draws.find_many)
        self.messages: Loader[Effect] = _loader(stores.effects.find_messages)
        self.set_aside: Loader[SetAside] = _loader(stores.events.find_set_aside)
        self.timeline: Loader[TimelineEntry] = _loader(stores.timelines.find_many)
        self.templates: Loader[Template] = _loader(stores.templates.find_versions)
        self.api_keys: Loader[ApiKey] = _loader(stores.api_keys.find_many)
        self.codes: Loader[Code] = _loader(stores.codes.find_many)
        self.webhooks: Loader[Webhook] = _loader(stores.webhooks.find_many)
        self.deliveries: Loader[Delivery] = _loader(stores.deliveries.find_many)
        self.sessions: Loader[Session] = _loader(stores.sessions.find_many)
        self.imports: Loader[Import] = _loader(stores.imports.find_many)
        self.audiences: Loader[Audience] = _loader(stores.audiences.find_many)


def _loader(find_many: Callable[[Sequence[str]], Awaitable[Mapping[str, T]]]) -> Loader[T]:
    async def read(keys: Sequence[str]) -> list[T | None]:
        found = await find_many(list(dict.fromkeys(keys)))
        return [found.get(key) for key in keys]

    return Together(read)
