"""Scenes that many tests begin with: played once, and for all others put back as they were left.

To play one takes up to a second, to put back what it stored some twenty milliseconds. Servers that
a scene talked to are not put back: what they were sent is there for the first test only.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

from bson.raw_bson import RawBSONDocument

from models.store import Database
from tests.shop import Shop

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


def once(scene: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Make of a fixture that plays in a shop or an API one that does it once.

    A shop's clock goes to where the scene left it. A scene that returns the shop or the API gives
    each test its own; whatever else it returns is the same for all.
    """

    @wraps(scene)
    async def set_up(**fixtures: Any) -> Any:
        where = next(each for each in fixtures.values() if hasattr(each, "stores"))

        async def play() -> tuple[Any, Any]:
            gave = await scene(**fixtures)
            return (None if gave is where else gave), _time_in(where)

        name = f"{scene.__module__}.{scene.__qualname__}"
        gave, time = await staged(where.stores.users.database, name, play)
        if isinstance(where, Shop):
            where.clock.business, where.clock.real, rung = time
            where.bells.rung = [*rung]
            await where.rulebook.refresh()
        return where if gave is None else gave

    return set_up


def _time_in(where: Any) -> Any:
    """Return what time it is, and what was rung for and is not taken up."""
    if isinstance(where, Shop):
        return where.clock.business, where.clock.real, tuple(where.bells.rung)
    return None


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
