"""Pages of other origins: those that the settings name may call the API, by HTTP and by socket."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from models.store import Database
from tests.app.talking import PROTOCOL
from tests.client import NO_REDIS, Api, listening, serving

OURS, OTHERS = "https://shop.example", "https://shop.example.evil.test"
WANTED = "authorization,content-type,last-event-id,x-request-id"


@pytest.fixture
def settings(mongodb_uri: str, database: Database) -> dict[str, Any]:
    return {
        "mongodb_uri": mongodb_uri,
        "database": database.name,
        "redis_url": NO_REDIS,
        "allowed_origins": (OURS,),
    }


@pytest.fixture
async def open_api(settings: dict[str, Any]) -> AsyncIterator[Api]:
    async with serving(**settings) as api:
        yield api


async def test_only_pages_of_origins_that_are_named_may_ask(open_api: Api) -> None:
    def asking(origin: str) -> dict[str, str]:
        return {
            "origin": origin,
            "access-control-request-method": "POST",
            "access-control-request-headers": WANTED,
        }

    ours = await open_api.http.options("/graphql", headers=asking(OURS))
    others = await open_api.http.options("/graphql", headers=asking(OTHERS))
    answer = await open_api.post("{ me { id } }", headers={"origin": OURS})
    hidden = await open_api.post("{ me { id } }", headers={"origin": OTHERS})

    assert (ours.status_code, ours.headers["access-control-allow-origin"]) == (200, OURS)
    assert "access-control-allow-credentials" not in ours.headers
    assert others.status_code == 400
    assert "access-control-allow-origin" not in others.headers
    assert answer.headers["access-control-allow-origin"] == OURS
    assert "access-control-allow-origin" not in hidden.headers
    assert "set-cookie" not in answer.headers


async def test_a_cookie_signs_nobody_in(open_api: Api) -> None:
    ann = await open_api.caller()
    cookie = {"cookie": f"authorization=Bearer {ann.token}; token={ann.token}"}

    answer = await open_api.post("{ me { id } }", headers=cookie)

    assert answer.json() == {"data": {"me": None}}


async def test_only_pages_of_origins_that_are_named_open_sockets(settings: dict[str, Any]) -> None:
    async with listening(**settings) as host:
        address, ours, others = f"ws://{host}/graphql", {"origin": OURS}, {"origin": OTHERS}
        async with connect(address, subprotocols=[PROTOCOL], additional_headers=ours) as client:
            assert client.subprotocol == PROTOCOL
        with pytest.raises(InvalidStatus):
            async with connect(address, subprotocols=[PROTOCOL], additional_headers=others):
                pass
