"""Leases are kept for as long as work goes on, unless somebody else has them."""

import asyncio
from datetime import timedelta

import pytest

from models.errors import Unavailable
from models.store import Database, Stores
from services.keeping import kept
from tests.waiting import until


@pytest.fixture
def stores(database: Database) -> Stores:
    return Stores.over(database)


async def test_a_lease_outlasts_itself_while_it_is_kept(stores: Stores) -> None:
    lease = await stores.leases.acquire("x", seconds=0.3)
    assert lease is not None

    later = lease.until + timedelta(seconds=0.3)

    async def renewed() -> bool:
        document = await stores.leases.documents.find_one({"_id": "x"})
        return document is not None and document["until"] >= later

    async with kept([lease], seconds=0.3, stores=stores) as lost:
        await until(renewed)
        assert not lost.is_set()

    assert await stores.leases.renew(lease, seconds=0) is not None


async def test_who_loses_a_lease_hears_of_it(stores: Stores) -> None:
    lease = await stores.leases.acquire("x", seconds=0)
    assert lease is not None

    async with kept([lease], seconds=0.3, stores=stores) as lost:
        assert await stores.leases.acquire("x", seconds=30) is not None
        await asyncio.wait_for(lost.wait(), 60)


async def test_a_database_that_is_away_takes_no_lease_from_anybody(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = await stores.leases.acquire("x", seconds=30)
    assert lease is not None
    renew_all, away = stores.leases.renew_all, iter([True, False])
    renewed = asyncio.Event()

    async def sometimes(*given, **seconds):
        if next(away, False):
            raise Unavailable("away")
        renewed.set()
        return await renew_all(*given, **seconds)

    monkeypatch.setattr(stores.leases, "renew_all", sometimes)

    async with kept([lease], seconds=0.3, stores=stores) as lost:
        await asyncio.wait_for(renewed.wait(), 60)

    assert not lost.is_set()
