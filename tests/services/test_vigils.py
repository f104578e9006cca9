"""Watching over connections, whatever befalls whoever watches."""

import asyncio
import logging

import pytest

from models.principal import Principal, Role
from services import vigils
from services.api_keys import Keys
from services.vigils import Vigil

ANN = Principal("ann", frozenset({Role.CUSTOMER}), "a session that there is not")


@pytest.fixture
def vigil(shop, monkeypatch):
    monkeypatch.setattr(vigils, "PAUSE", 0.01)
    return Vigil(shop.stores, Keys(shop.stores), shop.clock)


async def test_a_look_that_fails_is_not_the_last(shop, vigil, monkeypatch, caplog):
    live = shop.stores.sessions.live

    async def failing(*args, **kwargs):
        monkeypatch.setattr(shop.stores.sessions, "live", live)
        raise RuntimeError("once")

    monkeypatch.setattr(shop.stores.sessions, "live", failing)
    with caplog.at_level(logging.ERROR), vigil.watching(ANN, None) as watched:
        async with asyncio.timeout(30):
            await watched.over.wait()

    assert "RuntimeError: once" in caplog.text
    await vigil.close()


async def test_nothing_is_asked_once_it_is_closed(shop, vigil, monkeypatch):
    asked = []
    live = shop.stores.sessions.live

    async def counting(*args, **kwargs):
        asked.append(args)
        return await live(*args, **kwargs)

    monkeypatch.setattr(shop.stores.sessions, "live", counting)
    with vigil.watching(ANN, None) as watched:
        async with asyncio.timeout(30):
            await watched.over.wait()
        await vigil.close()
        before = len(asked)
        await asyncio.sleep(0.1)

    assert before
    assert len(asked) == before
