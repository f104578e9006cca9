"""Real servers for tests, started only when a test asks for one and shared by the session.

Imports are where they are used, so that the language's tests load nothing but the language.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from redis import Redis

    from devserver.smtp import Sink
    from devserver.web import Sink as WebSink
    from models.store import Database
    from tests.client import Api


@pytest.fixture(scope="session")
def mongodb_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A replica set of one for this session (under xdist: for this worker)."""
    from devserver.mongod import Profile, running

    with running(tmp_path_factory.mktemp("mongod"), Profile.QUICK) as mongod:
        yield mongod.uri


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Valkey for this session. Ask for `redis` as well to find it empty."""
    from devserver.valkey import running

    with running(tmp_path_factory.mktemp("valkey")) as valkey:
        yield valkey.url


@pytest.fixture
def redis(redis_url: str) -> Iterator["Redis"]:
    """A client of the session's Valkey, emptied for this test."""
    from redis import Redis

    with Redis.from_url(redis_url) as client:
        client.flushall()
        yield client


@pytest.fixture(scope="session")
async def prepared_database(mongodb_uri: str) -> AsyncIterator["Database"]:
    """The session's database with its indexes, made once: making them takes longer than a test."""
    from models.store import connect, prepare

    name = f"test_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    database = connect(mongodb_uri, name, patience_ms=60_000)
    try:
        await prepare(database)
        yield database
    finally:
        database.client.close()


@pytest.fixture
async def database(prepared_database: "Database") -> "Database":
    """An empty database with its indexes. Documents are deleted, indexes stay."""
    await asyncio.gather(
        *(prepared_database[name].delete_many({}) for name in await _filled(prepared_database))
    )
    return prepared_database


async def _filled(database: "Database") -> list[str]:
    """Return the collections that hold anything: one question, as most of them never do."""
    names = await database.list_collection_names(filter={"type": "collection"})
    first, *others = ([{"$limit": 1}, {"$project": {"in": {"$literal": n}}}] for n in names)
    unions = [
        {"$unionWith": {"coll": name, "pipeline": each}}
        for name, each in zip(names[1:], others, strict=True)
    ]
    cursor = database[names[0]].aggregate([*first, *unions])
    return sorted({document["in"] async for document in cursor} - {"migrations"})


@pytest.fixture
async def api(database: "Database", mongodb_uri: str) -> AsyncIterator["Api"]:
    """The API over an empty database. Its queue is away: everything must work without."""
    from tests.client import NO_REDIS, serving

    async with serving(
        mongodb_uri=mongodb_uri, database=database.name, redis_url=NO_REDIS
    ) as client:
        yield client


@pytest.fixture(scope="session")
def _mail_server() -> Iterator["Sink"]:
    from devserver.smtp import running

    with running() as sink:
        yield sink


@pytest.fixture
def smtp(_mail_server: "Sink") -> "Sink":
    """A mail server: `smtp.url` to send to, `smtp.messages` is what arrived in this test."""
    _mail_server.held.clear()
    _mail_server.messages.clear()
    _mail_server.refusal = None
    return _mail_server


@pytest.fixture(scope="session")
def _web_server() -> Iterator["WebSink"]:
    from devserver.web import running

    with running() as sink:
        yield sink


@pytest.fixture
def web(_web_server: "WebSink") -> "WebSink":
    """A web server: `web.url` to post to, `web.received` is what arrived in this test."""
    _web_server.reset()
    return _web_server


@pytest.fixture
def data_folder(tmp_path: Path) -> Path:
    """A folder for what a command keeps."""
    return tmp_path / "data"


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder from which Node runs the scripts of tests/clients."""
    from tests.node import furnish

    return furnish(tmp_path_factory.mktemp("desk"))
