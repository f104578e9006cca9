"""Numbered changes to stored documents, each applied once and safe to repeat."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from pymongo import UpdateOne
from pymongo.errors import OperationFailure

from models.store.database import Database, Document
from models.store.notes import at_first, noted

RECORD = "migrations"
_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Migration:
    """One change. `apply` must leave a database it has already changed as it is."""

    number: int
    name: str
    apply: Callable[[Database], Awaitable[None]]


async def _note_everyone(database: Database) -> None:
    """Have everyone looked at: people from before segments kept members have no lane either."""
    await _change_people(
        database, {"lane": {"$exists": False}}, lambda user_id: {"$set": at_first(user_id)}
    )


async def _drop_buyers(database: Database) -> None:
    """Drop an index that another has replaced, which begins alike."""
    with suppress(OperationFailure):
        await database["orders"].drop_index("user")


async def _move_progress(database: Database) -> None:
    """Keep how far the demo's import has come apart from the imports of files."""
    notes = database["imports"]
    async for document in notes.find({"kind": {"$exists": False}}):
        key = {"_id": document["_id"]}
        await database["progress"].replace_one(key, document, upsert=True)
        await notes.delete_one(key)


async def _name_users(database: Database) -> None:
    """Say of each user's counters whose they are, which their `_id` ends with."""
    user = {"$arrayElemAt": [{"$split": ["$_id", "|"]}, -1]}
    await database["counters"].update_many(
        {"_id": {"$gte": "user|", "$lt": "user}"}, "user": {"$exists": False}},
        [{"$set": {"user": user}}],
    )


async def _mark_ahead(database: Database) -> None:
    """Mark events that lie ahead themselves, for which an index over everybody's facts stood.

    That index tells whose they are: looking through all events could take longer than one waits.
    """
    now = (await database.command("hello"))["localTime"]
    async for person in database["users"].find({"facts.last": {"$gt": now}}, {"_id": 1}):
        await database["events"].update_many(
            {"user": person["_id"], "at": {"$gt": now}}, {"$set": {"ahead": True}}
        )
    with suppress(OperationFailure):
        await database["users"].drop_index("facts_last")


async def _unname(database: Database) -> None:
    """Have who has no name have none for rules, where an empty one was kept as if it were known."""
    await _change_people(
        database, {"name": ""}, lambda _: noted({"$unset": {"name": ""}}, ["user.name"])
    )


async def _change_people(
    database: Database, query: Document, update: Callable[[str], Document]
) -> None:
    """Update those people, many at once, each by their id."""
    people = database["users"]
    operations: list[UpdateOne] = []
    async for document in people.find(query, {"_id": 1}):
        user_id = document["_id"]
        operations.append(UpdateOne({**query, "_id": user_id}, update(user_id)))
        if len(operations) == _AT_ONCE:
            await people.bulk_write(operations, ordered=False)
            operations = []
    if operations:
        await people.bulk_write(operations, ordered=False)


MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "note everyone", _note_everyone),
    Migration(2, "drop orders by user alone", _drop_buyers),
    Migration(3, "move progress", _move_progress),
    Migration(4, "name users of counters", _name_users),
    Migration(5, "mark events from ahead", _mark_ahead),
    Migration(6, "take away empty names", _unname),
)


async def migrate(
    database: Database, migrations: Sequence[Migration] = MIGRATIONS
) -> tuple[Migration, ...]:
    """Apply what has not been applied yet, in order, and return it.

    Two processes may do this at once: both may run a migration, which is why it must be
    idempotent. It is recorded only after it has succeeded.
    """
    record = database[RECORD]
    done = {document["_id"] async for document in record.find({}, {"_id": 1})}
    waiting = tuple(
        migration
        for migration in sorted(migrations, key=lambda migration: migration.number)
        if migration.number not in done
    )
    for migration in waiting:
        await migration.apply(database)
        await record.update_one(
            {"_id": migration.number},
            {"$set": {"name": migration.name}, "$currentDate": {"applied_at": True}},
            upsert=True,
        )
    return waiting
