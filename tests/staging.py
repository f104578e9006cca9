"""Scenes that many tests begin with: played once, and for all others put back as they were left.

To play one takes up to a second, to put back what it stored some twenty milliseconds. Servers that
a scene talked to are not put back: what they were sent is there for the first test only.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from bson.raw_bson import RawBSONDocument

from models.store import Database
from tests.shop import Shop

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class _Played:
    gave: Any
    stored: dict[str, list[RawBSONDocument]]


_PLAYED: dict[str, _Played] = {}


async def staged(database: Database, name: str, play: Callable[[], Awaitable[T]]) -> T:
    """Return what a scene gave when it was first played, in an empty database."""
    if name not in _PLAYED:
        _PLAYED[name] = _Played(await play(), await _everything(database))
        return _PLAYED[name].gave
    played = _PLAYED[name]
    await asyncio.gather(
        *(_raw(database, each).insert_many(stored) for each, stored in played.stored.items())
    )
    return played.gave


def once(
    scene: Callable[Concatenate[Shop, P], Awaitable[Shop]],
) -> Callable[Concatenate[Shop, P], Awaitable[Shop]]:
    """Make of a fixture that plays in a shop one that does it once: its clock goes there, too."""

    @wraps(scene)
    async def set_up(shop: Shop, *args: P.args, **kwargs: P.kwargs) -> Shop:
        async def play() -> tuple[Any, ...]:
            await scene(shop, *args, **kwargs)
            return shop.clock.business, shop.clock.real, tuple(shop.bells.rung)

        name = f"{scene.__module__}.{scene.__qualname__}"
        left = await staged(shop.stores.users.database, name, play)
        shop.clock.business, shop.clock.real = left[:2]
        shop.bells.rung = [*left[2]]
        await shop.rulebook.refresh()
        return shop

    return set_up


async def _everything(database: Database) -> dict[str, list[RawBSONDocument]]:
    names = await database.list_collection_names(filter={"type": "collection"})
    found = await asyncio.gather(*(_raw(database, name).find().to_list() for name in names))
    return {
        name: documents
        for name, documents in zip(names, found, strict=True)
        if documents and name != "migrations"
    }


def _raw(database: Database, name: str) -> Any:
    options = database.codec_options.with_options(document_class=RawBSONDocument)
    return database.get_collection(name, codec_options=options)
