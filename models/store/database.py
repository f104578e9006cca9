"""The connection to MongoDB, and what every store has in common."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import pymongo
import pymongo.errors
from bson.codec_options import CodecOptions
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo import IndexModel, ReadPreference, WriteConcern
from pymongo.read_concern import ReadConcern

from models.errors import Unavailable

Document: TypeAlias = dict[str, Any]
# Documents that a cursor brings at once, where a page is read: of MongoDB's own 101 a page takes
# two trips and more.
WHOLE_PAGE = 1_000
if TYPE_CHECKING:
    Database: TypeAlias = AsyncIOMotorDatabase[Document]
    Collection: TypeAlias = AsyncIOMotorCollection[Document]
else:  # Motor's classes are generic only to the type checker.
    Database: TypeAlias = AsyncIOMotorDatabase
    Collection: TypeAlias = AsyncIOMotorCollection

# The hint for updates by id that ask for a version too: without it each of them is planned for half
# as long again as it takes.
BY_ID = "_id_"
# Out of disk space, interrupted by shutdown or step-down, too slow for the caller's deadline.
_DUPLICATE = 11000
_SCOUTING = 1.5  # seconds that one waits who looks whether the server is back
_AWAY = "The database cannot be reached; try again shortly."
_AWAY_CODES = frozenset({50, 91, 189, 262, 11600, 11602, 14031})


def connect(
    uri: str, name: str, *, patience_ms: int = 2_000, retry_writes: bool = True
) -> Database:
    """Return the database `name`, connecting when it is first used.

    Every write is acknowledged by a majority and its journal, unless it is forgettable (Store);
    every time read back is aware. An absent server is reported as Unavailable after `patience_ms`.
    A write whose answer was lost is tried again at once, for which the server keeps a record of
    each, unless not `retry_writes`.
    """
    client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(
        uri,
        appname="fanfare",
        serverSelectionTimeoutMS=patience_ms,
        connectTimeoutMS=patience_ms,
        socketTimeoutMS=30_000,
        maxPoolSize=64,
        retryReads=True,
        retryWrites=retry_writes,
    )
    return client.get_database(
        name,
        # The UTC of all our code: with times in BSON's own, comparing takes twenty times as long.
        codec_options=CodecOptions(tz_aware=True, tzinfo=UTC),
        read_preference=ReadPreference.PRIMARY,
        write_concern=WriteConcern(w="majority", j=True),
        read_concern=ReadConcern("local"),
    )


class Breaker:
    """Spares callers the wait for a server that is known to be away.

    While it is, one caller at a time is let through to see whether it has come back.
    """

    def __init__(self, *, pause: float = 0.5, patience: float = 5.0) -> None:
        self._pause = pause
        self._patience = patience
        self.away = False
        self._next_try = 0.0
        self._scout: asyncio.Task[Any] | None = None

    def admit(self, patience: float | None) -> float | None:
        """Return how long to wait for an answer, in seconds: a scout waits less.

        Raises Unavailable if asking now would be waiting for nothing.
        """
        task = asyncio.current_task()
        # A store's methods call each other: whoever was let through stays so.
        if self.away and task is not self._scout:
            now = time.monotonic()
            if now < self._next_try:
                raise Unavailable(_AWAY)
            self._next_try = now + self._patience
            self._scout = task
        return min(patience, _SCOUTING) if patience and task is self._scout else patience

    def note(self, error: pymongo.errors.PyMongoError | None) -> None:
        """Learn from how an operation went."""
        self.away = isinstance(error, pymongo.errors.ConnectionFailure)
        self._next_try = time.monotonic() + self._pause
        self._scout = None


class Store:
    """One collection. What a subclass's methods raise for an absent server becomes Unavailable."""

    NAME: ClassVar[str]
    INDEXES: ClassVar[Sequence[IndexModel]] = ()

    def __init__(self, database: Database, *, patience: float | None = None) -> None:
        """Bind to a database. An operation that takes longer than `patience` is Unavailable."""
        self.database = database
        self.documents: Collection = database[self.NAME]
        # The same, for notes that something is done: they are on no disk yet when they are
        # acknowledged, and whoever finds one forgotten does that once more (decision 0029).
        self.forgettable: Collection = self.documents.with_options(write_concern=WriteConcern(w=1))
        self.patience = patience
        self.breaker = Breaker()
        self.server = Breaker()  # that of all stores of a server, once they are several

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, member in list(vars(cls).items()):
            if iscoroutinefunction(member):
                setattr(cls, name, _guarded(member))
            elif isasyncgenfunction(member):
                setattr(cls, name, _guarded_iterator(member))

    async def _insert_missing(self, documents: Iterable[Document]) -> frozenset[int]:
        """Insert documents but those that are there already; return the places of these.

        They stay as they are. It is a fifth of MongoDB's work for updates that insert where there
        is nothing.
        """
        given = list(documents)
        if not given:
            return frozenset()
        try:
            await self.documents.insert_many(given, ordered=False)
        except pymongo.errors.BulkWriteError as error:
            return duplicates(error)
        return frozenset()

    async def ensure_indexes(self) -> None:
        """Create the indexes this store needs. Safe to repeat."""
        if self.INDEXES:
            await self.documents.create_indexes(list(self.INDEXES))


def duplicates(error: pymongo.errors.BulkWriteError) -> frozenset[int]:
    """Return the places of those that were there already; raise it if anything else went wrong."""
    details = error.details or {}
    failures = details.get("writeErrors", [])
    if any(failure["code"] != _DUPLICATE for failure in failures):
        raise error
    for refused in details.get("writeConcernErrors", []):
        raise pymongo.errors.WriteConcernError(
            refused.get("errmsg", ""), details=refused
        ) from error
    return frozenset(failure["index"] for failure in failures)


def unavailable(error: pymongo.errors.PyMongoError) -> Unavailable | None:
    """Return what to tell the caller if `error` means that MongoDB is away, else None."""
    away = (
        isinstance(
            error,
            pymongo.errors.ConnectionFailure
            | pymongo.errors.WriteConcernError
            | pymongo.errors.WTimeoutError
            | pymongo.errors.WaitQueueTimeoutError,
        )
        or error.timeout
        or error.has_error_label("RetryableWriteError")
        or (isinstance(error, pymongo.errors.OperationFailure) and error.code in _AWAY_CODES)
    )
    return Unavailable(_AWAY) if away else None


@contextmanager
def _guard(store: Store) -> Iterator[float | None]:
    gate = store.server if store.server.away else store.breaker
    patience = gate.admit(store.patience)
    try:
        yield patience
    except pymongo.errors.PyMongoError as error:
        store.breaker.note(error)
        # What one store's work takes too long for says nothing of the others.
        if store.server.away or not isinstance(error, pymongo.errors.NetworkTimeout):
            store.server.note(error)
        if away := unavailable(error):
            raise away from error
        raise
    else:
        store.breaker.note(None)
        store.server.note(None)


def _guarded(method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @wraps(method)
    async def guarded(self: Store, *args: Any, **kwargs: Any) -> Any:
        with _guard(self) as patience, pymongo.timeout(patience):
            return await method(self, *args, **kwargs)

    return guarded


def _guarded_iterator(method: Callable[..., AsyncIterator[Any]]) -> Callable[..., Any]:
    @wraps(method)
    async def guarded(self: Store, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        with _guard(self):
            async for item in method(self, *args, **kwargs):
                yield item

    return guarded
