"""Everything that is kept of one person, out of every collection."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from models.errors import Invalid, NotFound
from models.principal import Principal
from models.store import Stores
from models.store.personal import HOLDINGS
from services import accounts
from services.erasures import may_ask
from services.passwords import Passwords

PAGE = 200
_HOLDINGS = tuple(holding for holding in HOLDINGS if holding.is_personal)


@dataclass(frozen=True, slots=True)
class Exported:
    """One document, as JSON can have it: of what is not a value of JSON, its text."""

    collection: str
    document: dict[str, Any]
    place: str


async def check(
    user_id: str,
    *,
    password: str | None = None,
    address: str = "",
    caller: Principal,
    stores: Stores,
    passwords: Passwords,
    wall: datetime,
) -> None:
    """Raise NotFound alike for nobody and for whom the caller may not ask about.

    Whoever asks for what is theirs gives their password; raises what `accounts.show_password` does.
    """
    if user_id == caller.user_id:
        await accounts.show_password(
            password,
            caller=caller,
            address=address,
            stores=stores,
            passwords=passwords,
            wall=wall,
        )
    elif not may_ask(user_id, caller) or await stores.users.find(user_id) is None:
        raise NotFound("There is no such user.")


async def everything(
    user_id: str, *, after: str | None = None, stores: Stores
) -> AsyncGenerator[Exported]:
    """Yield what is kept of a person, from a place on."""
    begun, last = (0, None) if after is None else _place(after)
    for number, holding in enumerate(_HOLDINGS):
        if number < begun:
            continue
        found = stores.erasures.documents_of(
            holding, user_id, after=last if number == begun else None
        )
        async with aclosing(found):
            async for document in found:
                place = orjson.dumps([number, document["_id"]], default=str).decode()
                yield Exported(holding.collection, _plain(document), place)


async def page(
    user_id: str, *, after: str | None, stores: Stores
) -> tuple[Sequence[Exported], str | None]:
    """Return the next documents, and the place to go on from unless these were all."""
    found: list[Exported] = []
    async with aclosing(everything(user_id, after=after, stores=stores)) as documents:
        async for each in documents:
            if len(found) == PAGE:
                return found, found[-1].place
            found.append(each)
    return found, None


def _plain(document: dict[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = orjson.loads(orjson.dumps(document, default=str))
    return plain


def _place(text: str) -> tuple[int, Any]:
    try:
        number, last = orjson.loads(text)
    except ValueError as error:
        raise Invalid("This is not a cursor of this list.", field=("after",)) from error
    if not isinstance(number, int) or not isinstance(last, str | int):
        raise Invalid("This is not a cursor of this list.", field=("after",))
    return number, last
