"""`fanfare verify` and `fanfare verify-draw`: whether what must hold does."""

import asyncio
from pathlib import Path
from typing import Any

import orjson

from app.clock import Clock
from app.maintenance import with_database
from app.settings import Settings
from channels.drand import Drand
from engine.draws import problems as problems_of
from models.beacon import Chain
from models.errors import Invalid, NotFound
from models.store import Database, Stores
from schema.ids import from_global
from services import draws
from services.verify import verify


def check(settings: Settings) -> int:
    """Print a line for each invariant; return 1 if one does not hold."""

    async def look(database: Database) -> int:
        clock = Clock.parse(settings.clock)
        failed = 0
        keys = settings.seal_keys() if settings.data_key or settings.secret else None
        async for finding in verify(
            stores=Stores.over(database), now=clock.now(), wall=clock.wall(), keys=keys
        ):
            verdict = "FAILS" if finding.problems else "holds"
            print(f"{finding.id:<4} {verdict}  {finding.title} ({finding.looked_at})")
            for problem in finding.problems:
                print(f"       {problem}")
            failed += bool(finding.problems)
        return 1 if failed else 0

    return with_database(settings, look)


def check_draw(which: str, beacon: str | None = None) -> int:
    """Print whether a draw agrees, a file of its record or the draw with this id.

    With `beacon`, an address, what the beacon said is asked of it as well.
    """
    path = Path(which)
    if path.is_file():
        return _say(read_record(path), beacon)

    async def look(database: Database) -> dict[str, Any]:
        stores = Stores.over(database)
        for draw_id in (which, _local(which)):
            if draw_id is not None and await stores.draws.find(draw_id) is not None:
                return dict((await draws.check(draw_id, stores=stores)).record)
        raise NotFound(f"{which} is neither a file nor a draw's id")

    return _say(with_database(Settings(), look), beacon)


def read_record(path: Path) -> dict[str, Any]:
    """Return a record from a file: itself, or the answer of the API that holds it."""
    try:
        document = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise Invalid(f"{path}: this is not JSON: {error}") from error
    for name in ("data", "drawRecord", "record"):
        if isinstance(document, dict) and isinstance(document.get(name), dict):
            document = document[name]
    if not isinstance(document, dict):
        raise Invalid(f"{path}: this is not the record of a draw")
    return document


def _local(which: str) -> str | None:
    try:
        return from_global("Draw", which)
    except NotFound:
        return None


def _say(record: dict[str, Any], beacon: str | None) -> int:
    found = problems_of(record)
    if beacon is not None and not found:
        found = asyncio.run(_compare(record, beacon))
    for problem in found:
        print(f"FAILS  {problem}")
    if found:
        return 1
    promise = record["promise"]
    print(f"The draw of {promise['draw']} agrees with its commitment {record['commitment']}.")
    if record["secret"] is None:
        print("It has not been drawn yet.")
        return 0
    for won in record["winners"]:
        print(f"{promise['prizes'][won['prize']]['title']}: {won['ticket']}")
    _say_whom_to_trust(record, is_compared=beacon is not None)
    return 0


def _say_whom_to_trust(record: dict[str, Any], *, is_compared: bool) -> None:
    promised = record["promise"]["beacon"]
    if promised is None:
        print("Operator-trusted: no public beacon took part in it.")
        return
    if record.get("trust") == "operator":
        print("Operator-trusted: its tickets were published only after the beacon had spoken.")
    number, chain = promised["round"], promised["chain"]
    if is_compared:
        print(f"The beacon said so in round {number}, signed by the key of its chain {chain}.")
        return
    print(f"The beacon's round {number} is signed by the key of its chain {chain}.")
    print(f"To compare: {promised['url']}/{chain}/public/{number}; --beacon URL does so.")


async def _compare(record: dict[str, Any], url: str) -> list[str]:
    """Ask a beacon what it said in the round that was promised."""
    promised = record["promise"]["beacon"]
    if promised is None or record["beacon"] is None:
        return ["no beacon has spoken in this draw, so there is none to compare with"]
    chain = Chain(url.rstrip("/"), promised["chain"], promised["genesis"], promised["period"])
    pulse = await Drand(chain).pulse(promised["round"])
    if pulse.record() != record["beacon"]:
        return [f"the beacon's round {pulse.round} says {pulse.randomness.hex()}"]
    return []
