"""The demo's data, cut down to what a test needs, and a server with a socket."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from models.store import Database

PEOPLE = 12


def cut_down(people: int, folder: Path) -> Path:
    """Write the real files with the rows of the first so many households."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from app.importer import tables

    for file in tables.folder().glob("*.parquet"):
        if file.stem == "promotions":
            continue
        table = pq.read_table(file)
        if "household_id" in table.column_names:
            table = table.filter(pc.less_equal(table["household_id"], people))
        pq.write_table(table, folder / file.name)
    return folder


@pytest.fixture(scope="session")
def few_households(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a dozen households."""
    return cut_down(PEOPLE, tmp_path_factory.mktemp("journey"))


@pytest.fixture
def journey(few_households: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have the importer read the small files."""
    from app.importer import tables

    monkeypatch.setattr(tables, "folder", lambda: few_households)
    tables.products.cache_clear()
    yield
    tables.products.cache_clear()


@pytest.fixture
async def address(database: "Database", mongodb_uri: str) -> AsyncIterator[str]:
    """A server with a socket of its own; returns its WebSocket address."""
    from tests.client import NO_REDIS, listening

    async with listening(
        mongodb_uri=mongodb_uri, database=database.name, redis_url=NO_REDIS
    ) as host:
        yield f"ws://{host}/graphql"
