"""A shop to try services on."""

import pytest

from models.store import Stores
from tests.shop import Shop


@pytest.fixture
def shop(database, smtp) -> Shop:
    return Shop(Stores.over(database), smtp.url)
