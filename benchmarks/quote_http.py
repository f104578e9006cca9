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
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import strawberry
import uvicorn
from _http import Served, compare, in_turn
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
from services.tokens import Tokens

SECONDS = float(sys.argv[1]) if sys.argv[1:] and sys.argv[1] != "--static" else 5.0
ROUNDS = 3
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
    _, key = await api_keys.create(
        "b", [Scope.PRICES], caller=ADMIN, stores=stores, tokens=Tokens(SECRET), now=now
    )
    return key


@contextmanager
def stack(folder: Path) -> Iterator[list[Served]]:
    """Start both servers and what they need."""
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
            served.append(Served(name, port, process.pid, path, key, carts()))
        for each in served:
            check(each.await_answer())
        yield served


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


def check(answer: dict[str, Any]) -> None:
    """Make sure that the promotions applied that should."""
    lines = answer["data"]["quoteCart"]["quote"]["lines"]
    took = {taken["promotion"] for line in lines for taken in line["applied"]}
    assert len(took) > MATCHING // 2, answer


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, stack(Path(folder)) as served:
        found = in_turn(served, seconds=SECONDS, rounds=ROUNDS, mark=b'"quote":{')
    compare(*[each.name for each in served], found)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--static"]:
        serve_static(int(sys.argv[2]))
    else:
        main()
