"""Anything by its id: to whoever may ask for it elsewhere, and nothing to everybody else."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import strawberry

from models.api_key import Scope
from models.errors import Invalid, NotFound
from models.principal import Role
from resolvers.access import Access, anyone, roles, shop, signed_in, staff
from schema.api_key import ApiKey
from schema.audience import Audience
from schema.campaign import Campaign, Publication
from schema.claim import Claim
from schema.context import Context, Info
from schema.delivery import Delivery
from schema.draw import Draw
from schema.event import SentMessage
from schema.group import Group
from schema.ids import from_global, split_global
from schema.imports import Import
from schema.node import Node
from schema.order import Order
from schema.session import Session
from schema.set_aside import EventSetAside
from schema.template import Template
from schema.timeline import TimelineEntry
from schema.unique_code import UniqueCode
from schema.user import User
from schema.webhook import Webhook
from services import claims, people, sessions
from services.loaders import Loader, Loaders

MOST = 100

N = TypeVar("N", bound=Node)


@dataclass(frozen=True, slots=True)
class Kind:
    """Who may have things of a kind, as the fields say that give them, and how one is found."""

    access: Access
    find: Callable[[str, Context], Awaitable[Node | None]]


def _kind(
    declared: list[Any],
    loader: Callable[[Loaders], Loader[Any]],
    show: Callable[[Any, Context], Node],
    allows: Callable[[Any, Context], bool] = lambda thing, context: True,  # noqa: ARG005
) -> Kind:
    async def find(key: str, context: Context) -> Node | None:
        thing = await loader(context.loaders)(key)
        return None if thing is None or not allows(thing, context) else show(thing, context)

    (access,) = declared
    return Kind(access, find)


def _admin() -> list[Any]:
    return roles(Role.ADMIN)


# By the word that ids of the kind begin with.
KINDS: Mapping[str, Kind] = {
    "ApiKey": _kind(_admin(), lambda at: at.api_keys, lambda key, _: ApiKey.of(key)),
    "Audience": _kind(_admin(), lambda at: at.audiences, lambda made, _: Audience.of(made)),
    "Campaign": _kind(staff(), lambda at: at.campaigns, lambda made, _: Campaign.of(made)),
    "Claim": _kind(
        signed_in(scope=Scope.ORDERS),
        lambda at: at.claims,
        lambda claim, _: Claim.of(claim),
        lambda claim, context: claims.may_see(claim, context.caller),
    ),
    "Delivery": _kind(_admin(), lambda at: at.deliveries, lambda made, _: Delivery.of(made)),
    "Draw": _kind(anyone(), lambda at: at.draws, lambda draw, _: Draw.of(draw)),
    "Event": _kind(_admin(), lambda at: at.set_aside, lambda found, _: EventSetAside.of(*found)),
    "Group": _kind(
        anyone(),
        lambda at: at.groups,
        lambda group, context: Group.of(
            group, context.principal.user_id if context.principal else None
        ),
    ),
    "Import": _kind(
        roles(Role.ADMIN, Role.INTEGRATOR, scope=Scope.IMPORTS),
        lambda at: at.imports,
        lambda job, _: Import.of(job),
    ),
    "Message": _kind(staff(), lambda at: at.messages, lambda sent, _: SentMessage.of(sent)),
    "Order": _kind(
        shop(Scope.ORDERS),
        lambda at: at.orders,
        lambda order, _: Order.of(order),
    ),
    "Publication": _kind(staff(), lambda at: at.publications, lambda made, _: Publication.of(made)),
    "Session": _kind(
        signed_in(),
        lambda at: at.sessions,
        lambda session, context: Session.of(session, current=context.caller.session_id),
        lambda session, context: sessions.may_see(session, context.caller, context.clock.wall()),
    ),
    "Template": _kind(staff(), lambda at: at.templates, lambda made, _: Template.of(made)),
    "TimelineEntry": _kind(staff(), lambda at: at.timeline, lambda one, _: TimelineEntry.of(one)),
    "UniqueCode": _kind(staff(), lambda at: at.codes, lambda code, _: UniqueCode.of(code)),
    "User": _kind(
        signed_in(),
        lambda at: at.users,
        lambda user, _: User.of(user),
        lambda user, context: people.may_see(user.id, context.caller),
    ),
    "Webhook": _kind(_admin(), lambda at: at.webhooks, lambda made, _: Webhook.of(made)),
}


async def found(kind: type[N], id: str, context: Context) -> N | None:
    """Return a thing by its id, to whoever a field of its own has let through."""
    return await found_by_key(kind, from_global(kind.__name__, id), context)


async def found_by_key(kind: type[N], key: str, context: Context) -> N | None:
    """Return the same by its key, the part of an id that is not its kind."""
    node = await KINDS[kind.__name__].find(key, context)
    return node if isinstance(node, kind) else None


@strawberry.type
class NodeQueries:
    @strawberry.field(
        description="Anything by its id. Null for what is not there, and for what the caller may "
        "not see: nobody can tell which.",
        extensions=anyone(),
    )
    async def node(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")],
    ) -> Node | None:
        return await _found(*_parts(id), info.context)

    @strawberry.field(
        description="Several things by their ids, at most 100, in that order; null as for `node`.",
        extensions=anyone(),
    )
    async def nodes(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="Their ids.")],
    ) -> list[Node | None]:
        if len(ids) > MOST:
            raise Invalid(f"Ask for at most {MOST} things at once.", field=("ids",))
        parts = [_parts(each) for each in ids]
        return list(await asyncio.gather(*(_found(*each, info.context) for each in parts)))


def _parts(id: str) -> tuple[Kind, str]:
    try:
        kind, key = split_global(id)
        return KINDS[kind], key
    except (NotFound, KeyError):
        raise Invalid(f"{id[:100]!r} is not an id of this API.", code="BAD_USER_INPUT") from None


async def _found(kind: Kind, key: str, context: Context) -> Node | None:
    return await kind.find(key, context) if kind.access.allows(context.principal) else None
