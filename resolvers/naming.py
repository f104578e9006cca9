"""How callers name a person: by an id of this API, or in its place by one of the shop's own system.

Each field that is about somebody takes both. Which of them it was, no service needs to know.
"""

from typing import Annotated, Protocol, TypeAlias

import strawberry

from models.errors import Invalid
from models.principal import Principal
from schema.concerned import concerns
from schema.external import EXTERNAL_ID
from schema.ids import from_global
from services import people
from services.loaders import Loaders

Whose: TypeAlias = Annotated[
    strawberry.ID | None, strawberry.argument(description="Whose; the caller's if not given.")
]
ExternalId: TypeAlias = Annotated[str | None, strawberry.argument(description=EXTERNAL_ID)]


class Asking(Protocol):
    """Who names somebody, and what finds whom."""

    @property
    def caller(self) -> Principal: ...

    @property
    def loaders(self) -> Loaders: ...


async def named(
    by: Asking, user_id: str | None, external_id: str | None, *within: str, own: str = "userId"
) -> str | None:
    """Return whom a caller names; None if they name nobody.

    `within` is where the input has the two, `own` what it calls an id of this API. Raises Invalid
    for both at once and for empty text, and NotFound.
    """
    if user_id is not None and external_id is not None:
        raise Invalid(
            f"Name the person once: with `{own}` or with `externalId`.",
            field=(*within, "externalId"),
        )
    if user_id is not None:
        return from_global("User", _given(user_id, *within, own), *within, own)
    if external_id is None:
        return None
    place = (*within, "externalId")
    found = await people.by_external_id(
        _given(external_id, *place), caller=by.caller, loaders=by.loaders, field=place
    )
    concerns("User", found)
    return found


async def somebody(
    by: Asking, user_id: str | None, external_id: str | None, *, own: str = "userId"
) -> str:
    """Return whom a caller has to name. Raises as `named` does, and Invalid for nobody."""
    found = await named(by, user_id, external_id, own=own)
    if found is None:
        raise Invalid(f"Say who: give `{own}` or `externalId`.", field=(own,))
    return found


async def whose(
    by: Asking, user_id: str | None, external_id: str | None, *, own: str = "userId"
) -> str:
    """Return whom a caller names, or the caller. Raises as `named` does, and Invalid for a key."""
    found = await named(by, user_id, external_id, own=own)
    if found is None and by.caller.is_key:
        raise Invalid(f"Say whose, with `{own}` or `externalId`: a key is no person.", field=(own,))
    return found or by.caller.user_id


def _given(text: str, *place: str) -> str:
    if not text.strip():
        raise Invalid(f"`{place[-1]}` is empty: give an id, or leave it out.", field=place)
    return text
