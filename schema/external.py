"""The ids that people have in the shop's own system, shown beside those of this API."""

from models.user import SHOP
from schema.context import Info

# What is said of an input's `externalId` beside its `userId`.
EXTERNAL_ID = "Their id in the shop's own system, as it was imported; instead of `userId`."


async def external_ids(user_id: str | None, info: Info) -> list[str] | None:
    """Return someone's, for the shop's people and programs; None to others, and of nobody.

    Those who ask at one moment, as for each of a list of people, share a read.
    """
    context = info.context
    if user_id is None or context.principal is None or not context.principal.roles & SHOP:
        return None
    return await context.loaders.external_ids(user_id) or []
