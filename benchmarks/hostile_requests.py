"""What requests that mean no good cost the API, and how long the worst documents take to check.

Each is sent to one API process several times; what it costs is the CPU of that process, all of its
threads, divided by how many there were. Documents are checked in this process.

Run: python benchmarks/hostile_requests.py
"""

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import httpx2
import orjson
from _api import SECRET, running
from _http import Served
from _measure import spell
from graphql import GraphQLError, GraphQLObjectType, get_named_type, is_composite_type, is_leaf_type
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from app.collector import settle
from models.ids import new_id
from models.principal import Role
from models.store import Stores, prepare
from models.store import connect as database_at
from models.user import User
from resolvers.api import api
from schema.documents import parsed, verdict
from services import sessions
from services.tokens import Tokens

TIMES = 20
DOCUMENTS = 400
SUBSCRIPTIONS = 10_000
PROTOCOL = Subprotocol("graphql-transport-ws")
PAGE = "edges { node { history { at } } }"


def bomb(seed: int) -> str:
    """Each fragment spreads the next twelve times: 12 to the power of 30 fields."""
    spread = [f"fragment F{n} on Query {{ {f'...F{n + 1} ' * 12}}}" for n in range(30)]
    last = f"fragment F30 on Query {{ a{seed}: me {{ id }} }}"
    return "\n".join(["{ ...F0 }", *spread, last])


# By name; a number makes each of them a text that was not seen before.
TEXTS: dict[str, Callable[[int], str]] = {
    "fragment bomb, 12^30 fields": bomb,
    "alias storm, 160": lambda seed: (
        "{ " + " ".join(f"a{seed}x{n}: me {{ id }}" for n in range(160)) + " }"
    ),
    "15 pages of 100 with lists in them": lambda seed: (
        "{ " + " ".join(f"a{seed}x{n}: campaigns(first: 100) {{ {PAGE} }}" for n in range(15)) + "}"
    ),
    "one field 240 times": lambda seed: f"query Q{seed} {{ " + "me { id } " * 240 + "}",
    "one field 990 times": lambda seed: f"query Q{seed} {{ " + "me " * 990 + "}",
    "990 unknown fields": lambda seed: "{ " + " ".join(f"f{seed}x{n}" for n in range(990)) + " }",
    "300 unknown inputs": lambda seed: (
        "mutation { createApiKey(input: {"
        + "".join(f"n{seed}x{n}: 1 " for n in range(300))
        + "}) { token } }"
    ),
    "150 levels": lambda seed: f"query Q{seed} {{ " + "me { " * 150 + "id" + " }" * 150 + " }",
    "2,000 tokens": lambda seed: f"query Q{seed} {{ " + "me " * 1_995 + "}",
}


async def set_up(uri: str) -> str:
    """Make somebody, and return their access token."""
    database, now = database_at(uri, "bench"), datetime.now(UTC)
    await prepare(database)
    stores = Stores.over(database)
    user = User(id=new_id(), created_at=now, roles=frozenset({Role.INTEGRATOR}))
    await stores.users.add(user)
    pair = await sessions.open_session(user, stores=stores, tokens=Tokens(SECRET), wall=now)
    return pair.access_token


async def send(served: Served, content: Any) -> None:
    """Send a body as nobody in particular; it must be refused."""
    async with httpx2.AsyncClient(timeout=300) as http:
        url = f"http://127.0.0.1:{served.port}{served.path}"
        answer = await http.post(url, content=content, headers={"content-type": "application/json"})
        assert answer.json()["errors"], answer.text


async def document(served: Served, text: str) -> None:
    """Send a document."""
    await send(served, orjson.dumps({"query": text}))


async def pieces() -> AsyncIterator[bytes]:
    """Yield twenty megabytes whose length is not told before."""
    for _ in range(320):
        yield b" " * 65_536


async def socket(served: Served, messages: list[Any], answers: int) -> None:
    """Send messages over a socket, and wait for so many answers or its end."""
    address = f"ws://127.0.0.1:{served.port}{served.path}"
    async with connect(address, subprotocols=[PROTOCOL]) as client:

        async def say() -> None:
            for message in messages:
                await client.send(orjson.dumps(message).decode())

        saying = asyncio.create_task(say())
        try:
            for _ in range(answers):
                await client.recv()
        except ConnectionClosed:
            saying.cancel()


async def subscribe(served: Served) -> None:
    """Subscribe ten thousand times on one socket."""
    payload = {"authorization": f"Bearer {served.key}"}
    asked = {"query": "subscription { alerts { cursor } }"}
    messages: list[Any] = [{"type": "connection_init", "payload": payload}]
    messages += [
        {"type": "subscribe", "id": str(n), "payload": asked} for n in range(SUBSCRIPTIONS)
    ]
    await socket(served, messages, SUBSCRIPTIONS)


async def ask(served: Served) -> None:
    """Ask what may be asked."""
    async with httpx2.AsyncClient(timeout=300) as http:
        url = f"http://127.0.0.1:{served.port}{served.path}"
        assert (await http.post(url, json={"query": "{ me { id } }"})).json() == {
            "data": {"me": None}
        }


async def cost(served: Served, times: int, act: Callable[[int], Awaitable[None]]) -> float:
    """Return the CPU that one of these takes the API."""
    before = served.cpu()
    for at in range(times):
        await act(at)
    return (served.cpu() - before) / times


async def attack(served: Served) -> None:
    """Do what is not to be done, and say what it costs."""
    bytes_ = b" " * 20 * 1024 * 1024
    acts: dict[str, tuple[int, Callable[[int], Awaitable[None]]]] = {
        name: (TIMES, lambda at, text=text: document(served, text(at)))  # type: ignore[misc]
        for name, text in TEXTS.items()
    }
    acts["a body of 20 MB"] = (TIMES, lambda _: send(served, bytes_))
    acts["20 MB of undeclared length"] = (TIMES, lambda _: send(served, pieces()))
    acts["a frame of 1 MB"] = (TIMES, lambda _: socket(served, [" " * 1024 * 1024], 1))
    acts["10,000 subscriptions on a socket"] = (TIMES, lambda _: subscribe(served))
    acts["`me`, for comparison"] = (TIMES, lambda _: ask(served))
    for name, (times, act) in acts.items():
        print(f"{name:36} {spell(await cost(served, times, act)):>9}", flush=True)


def made_up(seed: int) -> str:
    """Return some document of up to 2,000 tokens, sound or not."""
    chance = random.Random(seed)
    tokens = chance.randint(100, 900)
    names = [name for name in api._schema.type_map if not name.startswith("__")]
    kinds = [k for n in names if isinstance(k := api._schema.type_map[n], GraphQLObjectType)]

    def fields(kind: Any, room: int, depth: int) -> str:
        parts: list[str] = []
        while room > 0:
            if depth > 8 or chance.random() < 0.02:
                parts.append("nothing")
                room -= 1
                continue
            name, field = chance.choice(list(kind.fields.items()))
            named = get_named_type(field.type)
            alias = f"a{chance.randint(0, 5)}: " if chance.random() < 0.1 else ""
            if is_leaf_type(named):
                parts.append(alias + name)
                room -= 1
            elif is_composite_type(named) and hasattr(named, "fields"):
                inner = chance.randint(1, max(1, room // 2))
                parts.append(f"{alias}{name} {{ {fields(named, inner, depth + 1)} }}")
                room -= inner + 3
        if chance.random() < 0.1:
            parts.append("...F")
        return " ".join(parts)

    extra = chance.choice(kinds)
    root = api._schema.query_type
    return (
        f"{{ {fields(root, tokens, 0)} }} fragment F on {extra.name} {{ {fields(extra, 20, 4)} }}"
    )


def check(text: str) -> float:
    """Return the CPU that it takes to read a text and to say what is wrong with it."""
    began = time.thread_time()
    try:
        parsed(text)
        verdict(api._schema, text, None, {}, introspection=False)
    except GraphQLError:
        pass
    return time.thread_time() - began


def main() -> None:
    """Measure."""
    check("{ me { id } }")
    settle()
    taken = sorted(check(made_up(seed)) for seed in range(DOCUMENTS))
    p50, p99 = taken[len(taken) // 2], taken[len(taken) * 99 // 100]
    print(f"{DOCUMENTS} documents made up: p50 {spell(p50)}, p99 {spell(p99)} of CPU to check")
    worst = {name: max(check(text(seed)) for seed in range(10)) for name, text in TEXTS.items()}
    name = max(worst, key=lambda each: worst[each])
    print(f"the worst of those below: {spell(worst[name])}, {name}")
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), set_up) as served:
        asyncio.run(attack(served))


if __name__ == "__main__":
    main()
