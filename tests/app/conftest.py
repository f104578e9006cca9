"""The demo's data cut down to what a test needs, a server with a socket, a folder of rules."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.cli import main
from models.principal import Role
from models.store import Database, Stores
from tests.app.folders import SHOP, account
from tests.client import NO_REDIS, listening

PEOPLE = 12


def cut_down(households: Collection[int], folder: Path) -> Path:
    """Write the real files with the rows of those households."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from app.importer import tables

    for file in tables.folder().glob("*.parquet"):
        if file.stem == "promotions":
            continue
        table = pq.read_table(file)
        if "household_id" in table.column_names:
            wanted = pa.array(list(households), table["household_id"].type)
            table = table.filter(pc.is_in(table["household_id"], wanted))
        pq.write_table(table, folder / file.name)
    return folder


@pytest.fixture(scope="session")
def few_households(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a dozen households."""
    return cut_down(range(1, PEOPLE + 1), tmp_path_factory.mktemp("journey"))


@contextmanager
def reading_from(folder: Path) -> Iterator[None]:
    """Have the importer read other files."""
    from app.importer import tables

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "folder", lambda: folder)
        tables.products.cache_clear()
        yield
    tables.products.cache_clear()


@pytest.fixture
def journey(few_households: Path) -> Iterator[None]:
    """Have the importer read the small files."""
    with reading_from(few_households):
        yield


@pytest.fixture
async def address(database: Database, mongodb_uri: str) -> AsyncIterator[str]:
    """A server with a socket of its own; returns its WebSocket address."""
    async with listening(
        mongodb_uri=mongodb_uri, database=database.name, redis_url=NO_REDIS
    ) as host:
        yield f"ws://{host}/graphql"


@pytest.fixture
def stores(database) -> Stores:
    return Stores.over(database)


@pytest.fixture
def write(tmp_path):
    """Write files into the folder `rules`; None removes one."""

    def write(files):
        for name, text in files.items():
            path = tmp_path / "rules" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            if text is not None:
                path.write_text(text, encoding="utf-8")

    write(SHOP)
    return write


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run a command where the folder is, and return its exit code and what it says."""
    for name in ("FANFARE_URL", "FANFARE_TOKEN", "FANFARE_EMAIL", "FANFARE_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("FANFARE_MONGODB_URI", raising=False)
    monkeypatch.chdir(tmp_path)

    def command() -> int:
        try:
            main()
        except SystemExit as ended:
            return ended.code or 0
        return 0

    async def run(*arguments):
        monkeypatch.setattr("sys.argv", ["fanfare", *arguments])
        capsys.readouterr()
        # Away from this loop: commands bring their own, and the API has to answer meanwhile.
        code = await asyncio.to_thread(command)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture
async def api_url(database, mongodb_uri, stores, run, monkeypatch):
    await account(stores, Role.ADMIN)
    monkeypatch.setenv("FANFARE_EMAIL", "ci@example.test")
    monkeypatch.setenv("FANFARE_PASSWORD", "a long enough password")
    async with listening(
        mongodb_uri=mongodb_uri, database=database.name, redis_url=NO_REDIS
    ) as host:
        monkeypatch.setenv("FANFARE_URL", f"http://{host}")
        yield f"http://{host}"


@pytest.fixture
def direct(database, mongodb_uri, run, monkeypatch):
    monkeypatch.setenv("FANFARE_MONGODB_URI", mongodb_uri)
    monkeypatch.setenv("FANFARE_DATABASE", database.name)


@pytest.fixture(params=["api_url", "direct"])
def server(request):
    """Each test that asks for this is run through the API and right on the database."""
    request.getfixturevalue(request.param)
