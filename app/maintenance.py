"""Commands that work on the database and end: migrations, imports, administrators."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from app.clock import Clock
from app.settings import Settings
from models.audit import Actor, Credential
from models.errors import Invalid
from models.store import Database, Migration, Stores, connect, ping, prepare
from services import people
from services.audit import Recorder
from services.passwords import Passwords

T = TypeVar("T")


def migrate(settings: Settings, *, patience_ms: int = 2_000) -> tuple[Migration, ...]:
    """Bring indexes and stored documents up to date; return what was applied."""

    async def bring_up(database: Database) -> tuple[Migration, ...]:
        await ping(database)
        await _require_replica_set(database)
        return await prepare(database)

    return with_database(settings, bring_up, patience_ms=patience_ms)


async def _require_replica_set(database: Database) -> None:
    hello = await database.command("hello")
    # A mongos, in front of a sharded cluster, gives its kind instead of a set's name.
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        raise Invalid(
            "this MongoDB is a standalone server, and Fanfare needs a replica set, if only of one: "
            "start mongod with --replSet rs0 and run rs.initiate() once"
        )


def create_admin(settings: Settings, *, email: str, password: str) -> None:
    """Have an administrator with this address and password."""

    async def create(database: Database) -> None:
        passwords, stores = Passwords(), Stores.over(database)
        clock = Clock.parse(settings.clock)
        recorder = Recorder(stores, clock.wall)
        try:
            async with recorder.record("admin create", Actor(Credential.COMMAND)) as note:
                user = await people.ensure_admin(
                    email=email,
                    password=password,
                    stores=stores,
                    passwords=passwords,
                    now=clock.now(),
                )
                note.concerns([f"User:{user.id}"])
        finally:
            passwords.close()

    with_database(settings, create)


def import_completejourney(settings: Settings) -> None:
    """Import all of the data."""
    from app import console
    from app.importer import load

    async def bring_in(database: Database) -> None:
        await prepare(database)
        stores = Stores.over(database)
        now = Clock().now()
        plan = await load.plan(stores, now=now, replay=False)
        await load.run(plan, stores, now=now, bar=console.bar)

    with_database(settings, bring_in)


def with_database(
    settings: Settings, work: Callable[[Database], Awaitable[T]], *, patience_ms: int = 2_000
) -> T:
    """Run `work` on the database in an event loop of its own."""

    async def connected() -> T:
        database = connect(settings.mongodb_uri, settings.database, patience_ms=patience_ms)
        try:
            return await work(database)
        finally:
            database.client.close()

    return asyncio.run(connected())
