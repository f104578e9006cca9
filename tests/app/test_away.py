"""The API while MongoDB is away: 503 within seconds, and back by itself."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

import devserver.mongod
from app.asgi import PATIENCE
from devserver.mongod import Profile
from models.principal import Role
from tests.client import NO_REDIS, Api, Caller, serving
from tests.machine import HANGS, watched

QUERY = "{ users(first: 1) { edges { node { id } } } }"
REGISTER = """mutation {
  register(input: {email: "ann@example.test"}) {
    requested userErrors { code }
  }
}"""


async def refused(api: Api, by: Caller) -> float:
    """Ask forty questions at once, all of which must be refused; return the longest wait."""
    began = time.monotonic()
    answers = await asyncio.gather(*(api.post(QUERY, by=by) for _ in range(40)))
    waited = time.monotonic() - began
    for answer in answers:
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        assert answer.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
    return waited


async def recovered(api: Api, by: Caller) -> float:
    began = time.monotonic()
    while (await api.post(QUERY, by=by)).status_code != 200:
        assert time.monotonic() - began < HANGS
        await asyncio.sleep(0.05)
    return time.monotonic() - began


async def test_without_a_mongod_everything_is_503_and_nothing_a_traceback() -> None:
    async with serving(
        mongodb_uri="mongodb://127.0.0.1:1/", redis_url=NO_REDIS, patience=PATIENCE
    ) as api:
        assert (await api.http.get("/readyz")).status_code == 503
        assert (await api.http.get("/healthz")).status_code == 200
        answer = await api.post(REGISTER)

        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        assert answer.json()["data"] is None


@pytest.mark.faults
async def test_a_killed_mongod_gives_503_until_it_is_back(tmp_path: Path) -> None:
    mongod = devserver.mongod.start(tmp_path, Profile.QUICK)
    try:
        async with (
            watched() as machine,
            serving(mongodb_uri=mongod.uri, redis_url=NO_REDIS, patience=PATIENCE) as api,
        ):
            admin = await api.caller(Role.ADMIN)
            await api.ask(QUERY, by=admin)
            mongod.process.kill()
            mongod.process.wait()

            assert await refused(api, admin) < 5 * machine.worst
            assert await refused(api, admin) < 3 * machine.worst
            assert (await api.post(REGISTER)).status_code == 503
            assert (await api.http.get("/readyz")).status_code == 503
            assert (await api.http.get("/healthz")).status_code == 200

            mongod = devserver.mongod.start(tmp_path, Profile.QUICK, port=mongod.port)
            assert await recovered(api, admin) < 5 * machine.worst
            assert (await api.post(REGISTER)).status_code == 200
    finally:
        mongod.stop()


@pytest.mark.faults
async def test_a_silent_mongod_gives_503_within_five_seconds(tmp_path: Path) -> None:
    with devserver.mongod.running(tmp_path, Profile.QUICK) as mongod:
        async with (
            watched() as machine,
            serving(mongodb_uri=mongod.uri, redis_url=NO_REDIS, patience=PATIENCE) as api,
        ):
            admin = await api.caller(Role.ADMIN)
            await api.ask(QUERY, by=admin)
            os.kill(mongod.process.pid, signal.SIGSTOP)
            try:
                assert await refused(api, admin) < 5 * machine.worst
            finally:
                os.kill(mongod.process.pid, signal.SIGCONT)

            assert await recovered(api, admin) < 5 * machine.worst
