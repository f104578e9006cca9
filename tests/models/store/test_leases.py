"""Leases: one holder at a time, each with a higher token."""

import asyncio

import pytest

from models.store.leases import Leases


@pytest.fixture
def leases(database) -> Leases:
    return Leases(database)


async def test_one_of_many_who_try_at_once_gets_it(leases):
    taken = await asyncio.gather(*(leases.acquire("work", seconds=30) for _ in range(20)))

    assert len([lease for lease in taken if lease]) == 1


async def test_tokens_grow_with_every_holder(leases):
    first = await leases.acquire("work", seconds=30)
    await leases.release(first)
    second = await leases.acquire("work", seconds=0)
    third = await leases.acquire("work", seconds=30)

    assert first.token < second.token < third.token


async def test_what_has_run_out_and_was_taken_cannot_be_renewed(leases):
    first = await leases.acquire("work", seconds=0)
    second = await leases.acquire("work", seconds=30)

    assert await leases.renew(first, seconds=30) is None
    await leases.release(first)
    assert await leases.holds(second)
    assert not await leases.holds(first)


async def test_a_renewed_lease_keeps_its_token(leases):
    first = await leases.acquire("work", seconds=1)
    renewed = await leases.renew(first, seconds=30)

    assert renewed.token == first.token
    assert renewed.until > first.until
    assert await leases.acquire("work", seconds=30) is None
