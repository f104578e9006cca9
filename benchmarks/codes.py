"""A million single-use codes: made, and written as CSV. Against a mongod that journals its writes.

Run: python benchmarks/codes.py
"""

import asyncio
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from devserver.mongod import Profile, running
from models.campaign import Act
from models.store import Stores, connect, prepare
from services import codes
from services.releases import RulesFile, release
from services.rulebook import Rulebook

COUNT = 1_000_000
NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)


async def measure(uri: str, file: Path) -> None:
    database = connect(uri, "bench")
    await prepare(database)
    stores = Stores.over(database)
    rules = "promotion own { codes unique  take 5 USD off cart }"
    await release([RulesFile("own", "Own", rules)], Act("bench", NOW), stores=stores)
    began = time.perf_counter()
    batch = await codes.generate("own", COUNT, stores=stores, rulebook=Rulebook(stores), now=NOW)
    made = time.perf_counter()
    with file.open("w", encoding="utf-8", newline="") as lines:
        async for line in codes.export("own", batch, stores=stores):
            lines.write(line)
    written = time.perf_counter()
    with file.open(encoding="utf-8") as lines:
        different = {line.partition(",")[0] for line in lines} - {"code"}
    assert len(different) == COUNT
    print(f"made    : {made - began:5.1f} s, {COUNT / (made - began):9,.0f}/s")
    print(f"as CSV  : {written - made:5.1f} s, {COUNT / (written - made):9,.0f}/s")
    print(f"together: {written - began:5.1f} s, {COUNT:,} different ones")


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder) / "db", Profile.DURABLE) as mongod,
    ):
        asyncio.run(measure(mongod.uri, Path(folder) / "codes.csv"))


if __name__ == "__main__":
    main()
