"""A shop to try services on."""

from collections.abc import AsyncIterator

import pytest

from models.store import Stores
from tests.shop import Shop


@pytest.fixture
async def shop(database, smtp, web) -> AsyncIterator[Shop]:
    shop = Shop(Stores.over(database), smtp.url, gateway=web.url)
    yield shop
    await shop.client.close()
