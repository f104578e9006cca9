"""Ten times as many events as can be taken in: as many as before are, in time, and the rest is told
when to come back.
"""

import logging
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from app.serve import LISTENERS
from models.store import Stores
from tests.faults.flood import Plan, Seen, flood
from tests.faults.rescue import drained, open_shop
from tests.faults.scene import Scene, problems, ready, token
from tests.machine import HANGS, watched
from tests.shop import Shop

log = logging.getLogger(__name__)
TOGETHER = 100  # events in a call
LISTENS = "0A"  # the kernel's word for it


@pytest.fixture
async def playing(database, mongodb_uri, redis_url, smtp, tmp_path):
    playing = Scene(tmp_path, mongodb_uri, redis_url, smtp.url, database=database.name, apis=1)
    yield playing
    playing.processes.stop()


async def plan_of(playing: Scene, shop: Shop, *, graphql: bool, together: int) -> Plan:
    """Open the shop with a few people, and wait until the API is ready."""
    await open_shop(shop, together)
    async with httpx2.AsyncClient() as http:
        await ready(playing, http)
    return Plan(int(playing.ports[0]), await token(shop), 0, together, graphql)


async def stored(shop: Shop, plan: Plan, seen: Seen) -> None:
    """Check that each event of each call that was answered yes is there."""
    for place in range(0, len(seen.taken), 50):
        ids = [
            f"api|{plan.id_of(number, each)}"
            for number in seen.taken[place : place + 50]
            for each in range(plan.together)
        ]
        found = await shop.stores.events.documents.count_documents({"_id": {"$in": ids}})
        assert found == len(ids)


def memory(playing: Scene) -> float:
    """Return the API's resident memory in MB."""
    status = Path(f"/proc/{playing.processes.running['api-0'].pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1000


@pytest.mark.parametrize("graphql", [False, True])
async def test_what_is_refused_is_told_when_to_come_back(playing, database, smtp, graphql):
    shop = Shop(Stores.over(database), smtp.url)
    playing.serve(0)
    plan = await plan_of(playing, shop, graphql=graphql, together=20)

    seen = await flood(replace(plan, rate=300, seconds=1))

    assert set(seen.answers) <= {"200", "429", "503"}
    assert seen.answers["200"] > 0
    assert seen.unhelpful == 0
    await stored(shop, plan, seen)


async def test_as_many_connections_are_taken_in_a_round_as_there_are_names_of_the_socket(playing):
    playing.serve(0)
    async with httpx2.AsyncClient() as http:
        await ready(playing, http)

    process = Path(f"/proc/{playing.processes.running['api-0'].pid}")
    port = f":{int(playing.ports[0]):04X}"
    sockets = [line.split() for line in (process / "net/tcp").read_text().splitlines()[1:]]
    (inode,) = (line[9] for line in sockets if line[1].endswith(port) and line[3] == LISTENS)
    names = [each for each in (process / "fd").iterdir() if f"[{inode}]" in str(each.readlink())]
    assert len(names) == LISTENERS


@pytest.mark.faults
@pytest.mark.parametrize("graphql", [False, True])
async def test_ten_times_too_much_is_refused_without_harm(playing, database, redis, smtp, graphql):
    shop = Shop(Stores.over(database), smtp.url)
    playing.begin()
    plan = await plan_of(playing, shop, graphql=graphql, together=TOGETHER)
    await flood(replace(plan, seconds=3, first=10_000_000))  # warm
    peak = await flood(replace(plan, seconds=15, first=20_000_000))
    before = memory(playing)

    async with watched() as machine:
        seen = await flood(replace(plan, seconds=60, rate=10 * peak.rate))

    grown = memory(playing) - before
    log.info(
        "peak %.1f calls/s with p99 %.2f s; then %.1f with p99 %.2f s, %s, memory +%.0f MB",
        peak.rate,
        peak.p99(),
        len(seen.taken) / 60,
        seen.p99(),
        dict(seen.answers),
        grown,
    )
    await stored(shop, plan, seen)
    await drained(shop, within=HANGS)
    assert await problems(shop) == []
    assert set(seen.answers) <= {"200", "429", "503"}
    assert seen.unhelpful == 0
    assert seen.p99() <= 2 * machine.worst
    assert len(seen.taken) / 60 * machine.slower >= 0.8 * peak.rate
    assert grown <= 200
