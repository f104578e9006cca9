"""Rules are published again and again while events come in: each event falls under one version."""

import asyncio
import random
from datetime import UTC, datetime, timedelta

import httpx2
import orjson
import pytest

from devserver.process import free_port
from models.api_key import Scope
from models.measure import MeasureState
from models.principal import Principal, Role
from models.store import Stores
from services import api_keys
from services.tokens import Tokens
from services.verify import verify
from tests.client import SECRET
from tests.faults.processes import Processes
from tests.shop import Shop
from tests.waiting import until

ADMIN = Principal("test", frozenset({Role.ADMIN}), "test")


def rules(number: int) -> str:
    """Return a version that starts at a total, and fills a segment, of its own."""
    return f"""
    event cart_updated {{ total: money USD }}
    trigger rescue {{
      on cart_updated where total >= {threshold(number)} USD then {{ tag "v{number}" }}
    }}
    segment big {{ count(cart_updated where total >= {number % 3} USD, last 30 days) >= 2 }}
    """


def threshold(number: int) -> int:
    return number % 40


@pytest.fixture
def processes(database, mongodb_uri, redis, redis_url, smtp, tmp_path):
    running = Processes(
        {
            "FANFARE_MONGODB_URI": mongodb_uri,
            "FANFARE_REDIS_URL": redis_url,
            "FANFARE_DATABASE": database.name,
            "FANFARE_SMTP_URL": smtp.url,
            "FANFARE_SECRET": SECRET,
        },
        tmp_path,
    )
    yield running
    running.stop()


@pytest.fixture
def now_shop(database, smtp) -> Shop:
    """A shop whose clock shows when its processes began."""
    shop = Shop(Stores.over(database), smtp.url)
    shop.clock.business = shop.clock.real = datetime.now(UTC)
    return shop


async def holds_while_published(processes: Processes, shop: Shop, *, events: int) -> None:
    """Send events, publish every 100 ms meanwhile, and check what came of them."""
    people = events // 4
    numbers: dict[int, int] = {}

    async def publish(number: int) -> None:
        await shop.publish(rules(number))
        numbers[(await shop.rulebook.current()).number] = number

    await publish(1)
    for place in range(0, people, 100):
        names = [f"p{n}" for n in range(place, min(place + 100, people))]
        await asyncio.gather(*map(shop.person, names))
    port = free_port()
    processes.start("api", "serve", FANFARE_PORT=str(port))
    processes.start("worker", "worker")
    processes.start("scheduler", "scheduler")
    _, token = await api_keys.create(
        "t",
        [Scope.EVENTS],
        caller=ADMIN,
        stores=shop.stores,
        tokens=Tokens("a key that tests make keys from"),
        now=datetime.now(UTC),
    )
    sent = asyncio.Event()
    totals: dict[str, int] = {}

    seen: set[str] = set()  # publications under which something came in

    async def send() -> None:
        dice = random.Random(3)
        headers = {"authorization": f"Bearer {token}", "content-type": "application/x-ndjson"}
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
            await until(lambda: _is_ready(http))
            # However fast events are taken, some are sent after another publication.
            while len(totals) < events or len(seen) < 2:
                some = {f"e{n}": dice.randrange(50) for n in range(len(totals), len(totals) + 25)}
                lines = [
                    orjson.dumps(
                        {
                            "id": event_id,
                            "name": "cart_updated",
                            "user": f"p{dice.randrange(people)}",
                            "data": {"total": f"{total}.00"},
                        }
                    )
                    for event_id, total in some.items()
                ]
                answer = await http.post("/v1/events", content=b"\n".join(lines), headers=headers)
                assert answer.status_code == 200, answer.text
                totals.update(some)
                seen.update(await shop.stores.events.documents.distinct("publication"))
        sent.set()

    sending = asyncio.create_task(send())
    number = 1
    while not sent.is_set() and not sending.done():
        number += 1
        await publish(number)
        await asyncio.sleep(0.1)
    await sending
    await until(lambda: _is_drained(shop), within=300)

    stored = await shop.stores.events.documents.find().to_list()
    assert {each["_id"].rpartition("|")[2] for each in stored} == totals.keys()
    versions = {each["_id"]: numbers[each["publication"]] for each in stored}
    runs = {run["started_by"]: run for run in await shop.stores.runs.documents.find().to_list()}
    expected = {
        event_id
        for event_id, version in versions.items()
        if totals[event_id.rpartition("|")[2]] >= threshold(version)
    }
    assert runs.keys() == expected
    tags = {each["run"]: each["data"]["tag"] for each in await shop.effects()}
    for event_id, run in runs.items():
        assert tags[run["_id"]] == f"v{versions[event_id]}"
    later = datetime.now(UTC) + timedelta(minutes=2)
    async for finding in verify(stores=shop.stores, now=later, wall=later):
        assert not finding.problems, (finding.id, finding.problems)


async def _is_ready(http: httpx2.AsyncClient) -> bool:
    try:
        return (await http.get("/readyz")).status_code == 200
    except httpx2.TransportError:
        return False


async def _is_drained(shop: Shop) -> bool:
    stores, standing = shop.stores, await shop.stores.standings.get()
    current = await shop.rulebook.current()
    left = [
        await stores.events.count_pending(),
        await stores.runs.documents.count_documents({"unsettled": {"$exists": True}}),
        await stores.outbox.documents.count_documents({}),
        await stores.audit_drafts.documents.count_documents({}),
        len(await stores.looks.due_lanes(datetime.now(UTC))),
        standing.filling is not None or standing.publication != current.number,
        any(each.state is MeasureState.FILLING for each in await stores.measures.all()),
    ]
    return not any(left)


async def test_each_event_falls_under_one_version(processes, now_shop):
    await holds_while_published(processes, now_shop, events=300)


@pytest.mark.faults
async def test_each_of_5_000_events_falls_under_one_version(processes, now_shop):
    await holds_while_published(processes, now_shop, events=5_000)
