"""What every store has in common."""

import pymongo.errors
import pytest

from models.errors import Unavailable
from models.store import Database, Migration, connect, prepare
from models.store.database import Store, duplicates, unavailable
from models.store.migrations import RECORD, migrate


class Notes(Store):
    NAME = "notes"

    async def find(self) -> object:
        return await self.documents.find_one({})

    async def outer(self) -> object:
        return await self.find()


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (pymongo.errors.ServerSelectionTimeoutError("no servers"), True),
        (pymongo.errors.AutoReconnect("closed"), True),
        (pymongo.errors.NotPrimaryError("stepped down"), True),
        (pymongo.errors.NetworkTimeout("slow"), True),
        (pymongo.errors.ExecutionTimeout("slow", code=50), True),
        (pymongo.errors.OperationFailure("disk full", code=14031), True),
        (pymongo.errors.WriteConcernError("not journalled", code=64), True),
        (pymongo.errors.DuplicateKeyError("twice", code=11000), False),
        (pymongo.errors.OperationFailure("bad query", code=2), False),
    ],
)
def test_only_an_absent_server_is_unavailable(
    error: pymongo.errors.PyMongoError, away: bool
) -> None:
    assert (unavailable(error) is not None) is away


def refused(*codes: int, concern: str | None = None) -> pymongo.errors.BulkWriteError:
    failures = [{"index": place, "code": code} for place, code in enumerate(codes)]
    concerns = [{"code": 64, "errmsg": concern}] if concern else []
    return pymongo.errors.BulkWriteError({"writeErrors": failures, "writeConcernErrors": concerns})


def test_a_bulk_write_passes_over_duplicates_and_over_nothing_else() -> None:
    assert duplicates(refused(11000, 11000)) == {0, 1}
    with pytest.raises(pymongo.errors.BulkWriteError):
        duplicates(refused(11000, 121))


def test_a_bulk_write_that_is_not_on_a_majority_is_not_taken_for_done() -> None:
    with pytest.raises(pymongo.errors.WriteConcernError) as error:
        duplicates(refused(11000, concern="waiting for replication timed out"))

    assert unavailable(error.value) is not None


async def test_a_server_known_to_be_away_is_not_waited_for() -> None:
    database = connect("mongodb://127.0.0.1:1/", "nothing", patience_ms=200)
    notes = Notes(database)
    with pytest.raises(Unavailable):
        await notes.outer()

    with pytest.raises(Unavailable) as refusal:
        await notes.outer()

    # Refused by us, not by the driver.
    assert refusal.value.__cause__ is None
    database.client.close()


async def test_preparing_twice_changes_nothing(database: Database) -> None:
    before = await database["users"].index_information()

    assert await prepare(database) == ()

    assert await database["users"].index_information() == before


async def test_migrations_run_once_and_in_order(database: Database) -> None:
    ran = []

    def noting(number: int) -> Migration:
        async def apply(_: Database) -> None:
            ran.append(number)

        return Migration(number, f"number {number}", apply)

    later, first = noting(9002), noting(9001)
    await migrate(database, [later, first])
    await migrate(database, [later, first, noting(9003)])

    assert ran == [9001, 9002, 9003]
    await database[RECORD].delete_many({"_id": {"$gte": 9001}})
