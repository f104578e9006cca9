"""`fanfare codes …` on a real database."""

import asyncio
import csv

from typer.testing import CliRunner

from app.cli import app
from models.store import Stores
from models.unique_code import Code
from services.codes import fresh
from tests.shop import NOW, Shop


async def run(monkeypatch, mongodb_uri, database, *arguments):
    monkeypatch.setenv("FANFARE_MONGODB_URI", mongodb_uri)
    monkeypatch.setenv("FANFARE_DATABASE", database.name)
    return await asyncio.to_thread(CliRunner().invoke, app, ["codes", *arguments])


async def test_codes_are_made_and_written_as_csv(monkeypatch, mongodb_uri, database, tmp_path):
    shop = Shop(Stores.over(database), "smtp://127.0.0.1:1")
    await shop.publish("promotion own { codes unique  take 5 USD off cart }")
    path = tmp_path / "own.csv"

    result = await run(
        monkeypatch, mongodb_uri, database, "generate", "own", "12000", "--out", str(path)
    )

    assert result.exit_code == 0, result.output
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({row["code"] for row in rows}) == 12_000
    assert set(rows[0]) == {"code", "promotion", "user", "expires_at", "revoked_at", "order"}


async def test_where_nothing_can_be_written_no_codes_are_made(
    monkeypatch, mongodb_uri, database, tmp_path
):
    stores = Stores.over(database)
    await Shop(stores, "smtp://127.0.0.1:1").publish(
        "promotion own { codes unique  take 5 USD off cart }"
    )

    for path in (tmp_path, tmp_path / "no folder" / "own.csv"):
        result = await run(
            monkeypatch, mongodb_uri, database, "generate", "own", "3", "--out", str(path)
        )
        assert str(result.exception) == f"{path} cannot be written; no codes were made"

    exported = await run(monkeypatch, mongodb_uri, database, "export", "own")
    assert len(exported.output.splitlines()) == 1


async def test_an_order_named_like_a_formula_is_no_formula(monkeypatch, mongodb_uri, database):
    code = Code(code=fresh(), promotion="own", made_at=NOW, order="=1+1")
    await Stores.over(database).codes.add([code])

    result = await run(monkeypatch, mongodb_uri, database, "export", "own")

    assert result.output.splitlines()[1] == f"{code.code},own,,,,'=1+1"


def test_codes_have_65_bits_and_no_sequence():
    made = [fresh() for _ in range(2_000)]

    assert len(set(made)) == 2_000
    assert {len(code) for code in made} == {13}
    assert all(len({code[place] for code in made}) == 32 for place in range(13))
