"""`quoteCart` over HTTP, beside a Strawberry field that answers the same without working it out.

Real uvicorn processes, a real mongod with journalled writes, an API key, 1,000 promotions of which
30 apply to a cart of 10 lines, a buyer with attributes and orders. The other field answers from
memory with a payload of the same types, in a stock Strawberry server that keeps parsed and
validated documents as ours does. Clients keep their connections, in a process of their own, and
ask the two in turn.

Run: python benchmarks/quote_http.py [SECONDS]
"""

import asyncio
import json
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import httpx2
import strawberry
import uvicorn
from _measure import spell
from quote import BUYER, MATCHING, asked_by_all, orders, published, requests, sources
from starlette.applications import Starlette
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig

import devserver.mongod
import devserver.valkey
from devserver.mongod import Profile
from devserver.process import free_port, spawn, stop
from engine.pricing import Pricing
from models.api_key import Scope
from models.campaign import Act
from models.event import Event
from models.principal import Principal, Role
from models.store import Stores, connect, prepare
from models.user import User
from schema.ids import to_global
from schema.quote import Quote, QuoteCartInput, QuoteCartPayload
from schema.scalars import SCALARS
from services import api_keys, releases
from services.releases import RulesFile

SECONDS = float(sys.argv[1]) if sys.argv[1:] and sys.argv[1] != "--static" else 5.0
ROUNDS = 3
CALLERS = 8
CARTS = 50
SECRET = "a secret for benchmarks, long enough to sign"
ADMIN = Principal("bench", frozenset({Role.ADMIN}), "bench")
QUERY = """
query ($input: QuoteCartInput!) {
  quoteCart(input: $input) {
    quote {
      total { amount currency }
      lines { sku quantity total { amount } applied { promotion amount { amount } } }
    }
    userErrors { code message }
  }
}
"""


@dataclass(frozen=True, slots=True)
class Served:
    """One of the two: where it listens, and its process."""

    name: str
    port: int
    path: str
    pid: int


def serve_static(port: int) -> None:
    """Serve the field that answers from memory."""
    program = published(asked_by_all(random.Random(7)), (), random.Random(7))
    request = requests(program, random.Random(7))[0]
    answer = QuoteCartPayload(quote=Quote.of(Pricing(request).quote()))

    @strawberry.type
    class Query:
        @strawberry.field
        async def quote_cart(self, input: QuoteCartInput) -> QuoteCartPayload:  # noqa: ARG002
            return answer

    schema = strawberry.Schema(
        Query,
        extensions=[ParserCache(maxsize=100), ValidationCache(maxsize=100)],
        config=StrawberryConfig(scalar_map=SCALARS),
    )
    app = Starlette()
    app.mount("/graphql", GraphQL[None, None](schema))
    uvicorn.run(app, port=port, access_log=False, log_level="warning")


async def set_up(uri: str) -> str:
    """Publish the promotions, make the buyer and what they did; return an API key."""
    database = connect(uri, "bench")
    await prepare(database)
    stores = Stores.over(database)
    now = datetime.now(UTC)
    asked = asked_by_all(random.Random(7))
    files = [
        RulesFile(f"bench{at}", f"Bench {at}", text)
        for at, text in enumerate(sources(asked, (), random.Random(7)))
    ]
    await releases.release(files, Act("bench", now), stores=stores)
    attributes = {name: BUYER[name] for name in ("country", "unsubscribed")}
    await stores.users.save_many(
        [
            User(
                id=BUYER["id"],
                created_at=now,
                tier=BUYER["tier"],
                points=BUYER["points"],
                attributes=attributes,
            )
        ]
    )
    await stores.events.add(
        [
            Event(
                id=f"b|{at}",
                name="order_placed",
                user_id=BUYER["id"],
                at=order["time"],
                received_at=now,
                publication=1,
                data={"total": 1000},
            )
            for at, order in enumerate(orders(now))
        ],
        pending=False,
    )
    _, key = await api_keys.create("b", [Scope.PRICES], caller=ADMIN, stores=stores, now=now)
    return key


@contextmanager
def stack(folder: Path) -> Iterator[tuple[list[Served], str]]:
    """Start both servers and what they need; yield them, and the key."""
    with ExitStack() as open_:
        mongod = open_.enter_context(devserver.mongod.running(folder / "mongod", Profile.DURABLE))
        valkey = open_.enter_context(devserver.valkey.running(folder / "valkey"))
        key = asyncio.run(set_up(mongod.uri))
        ports = free_port(), free_port()
        environment = os.environ | {
            "FANFARE_MONGODB_URI": mongod.uri,
            "FANFARE_REDIS_URL": valkey.url,
            "FANFARE_DATABASE": "bench",
            "FANFARE_SECRET": SECRET,
            "FANFARE_PORT": str(ports[0]),
            "FANFARE_DATA_DIR": str(folder),
        }
        commands = [
            ("quoteCart", "/graphql", ["-m", "app.cli", "serve"]),
            ("static field", "/graphql/", [__file__, "--static", str(ports[1])]),
        ]
        served = []
        for (name, path, arguments), port in zip(commands, ports, strict=True):
            process = spawn(
                [sys.executable, *arguments],
                log=folder / f"{port}.log",
                environment=environment,
                death_signal=signal.SIGKILL,
            )
            open_.callback(stop, process)
            served.append(Served(name, port, path, process.pid))
        for each in served:
            await_answer(each, key)
        yield served, key


def body(cart: dict[str, Any]) -> bytes:
    variables = {"input": {"cart": cart, "userId": to_global("User", BUYER["id"])}}
    return json.dumps({"query": QUERY, "variables": variables}).encode()


def carts() -> list[bytes]:
    """Return requests for different carts."""
    program = published([], (), random.Random(7))
    return [
        body(
            {
                "currency": "USD",
                "shipping": "4.90",
                "lines": [
                    {
                        "sku": line.sku,
                        "category": line.fields["category"],
                        "price": f"{line.price / 100:.2f}",
                        "quantity": line.quantity,
                    }
                    for line in request.cart.lines
                ],
            }
        )
        for request in requests(program, random.Random(7))[:CARTS]
    ]


def await_answer(served: Served, key: str) -> None:
    """Wait until a server gives the right answer."""
    deadline = time.monotonic() + 120
    while True:
        try:
            answer = httpx2.post(
                f"http://127.0.0.1:{served.port}{served.path}",
                content=carts()[0],
                headers={"authorization": f"Bearer {key}", "content-type": "application/json"},
            )
            payload = answer.json()["data"]["quoteCart"]
            if payload["quote"] is not None:
                took = {
                    t["promotion"] for line in payload["quote"]["lines"] for t in line["applied"]
                }
                assert len(took) > MATCHING // 2, payload
                return
        except httpx2.TransportError:
            pass
        if time.monotonic() > deadline:
            raise TimeoutError(served.name)
        time.sleep(0.2)


def ask(port: int, path: str, key: str, seconds: float, done: Any) -> None:
    """Ask over kept connections for so long; put (answers, seconds, latencies) into `done`."""
    done.put(asyncio.run(_ask(port, path, key, seconds)))


async def _ask(port: int, path: str, key: str, seconds: float) -> tuple[int, float, list[float]]:
    wanted = [
        b"POST %b HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer %b\r\n"
        b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
        % (path.encode(), key.encode(), len(content), content)
        for content in carts()
    ]
    latencies: list[float] = []
    until = time.perf_counter() + seconds

    async def caller(first: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        at = first
        while (began := time.perf_counter()) < until:
            writer.write(wanted[at % len(wanted)])
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            content = await reader.readexactly(length)
            assert head.startswith(b"HTTP/1.1 200")
            assert b'"quote":{' in content.replace(b" ", b"")
            latencies.append(time.perf_counter() - began)
            at += CALLERS
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(caller(first) for first in range(CALLERS)))
    return len(latencies), time.perf_counter() - began, latencies


def cpu_of(pid: int) -> float:
    """Return the seconds of CPU that a process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, stack(Path(folder)) as (served, key):
        context = get_context("spawn")
        rates: dict[str, list[float]] = {each.name: [] for each in served}
        costs: dict[str, list[float]] = {each.name: [] for each in served}
        for round_ in range(ROUNDS + 1):
            for each in served:
                done = context.Queue()
                before = cpu_of(each.pid)
                client = context.Process(
                    target=ask, args=(each.port, each.path, key, SECONDS, done)
                )
                client.start()
                count, took, latencies = done.get(timeout=SECONDS + 60)
                client.join()
                if not round_:  # to warm up
                    continue
                cpu = (cpu_of(each.pid) - before) / count
                rates[each.name].append(count / took)
                costs[each.name].append(cpu)
                latencies.sort()
                print(
                    f"{each.name:14} {count / took:7,.0f}/s"
                    f"   p50 {spell(latencies[count // 2]):>8}"
                    f"   p99 {spell(latencies[count * 99 // 100]):>8}"
                    f"   {spell(cpu):>8} of the server's CPU each",
                    flush=True,
                )
        ours, theirs = (statistics.median(rates[each.name]) for each in served)
        print(f"quoteCart does {ours / theirs:.2f} × what the static field does a second")
        ours, theirs = (statistics.median(costs[each.name]) for each in served)
        print(f"and {theirs / ours:.2f} × as much per second of its server's CPU")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--static"]:
        serve_static(int(sys.argv[2]))
    else:
        main()
