"""The feed to those who follow it: one API process, mongod, and readers in this process.

fanout: 1,000 sockets subscribe to the same; what is measured is from the first to the last who has
got one entry. Beside it a bare server of the `websockets` library sends the same bytes to as many.
idle: 5,000 subscriptions on 250 sockets; what is measured is the memory of the API's process.
replay: 1,000,000 entries to one subscriber, 500 at once, all fields.

Run: python benchmarks/streams.py [fanout] [idle] [replay] [ENTRIES]
"""

import asyncio
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from subprocess import Popen

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import orjson
from _api import environment_of
from _http import await_ready
from _measure import spell
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

import devserver.mongod
from devserver.mongod import Profile
from devserver.process import free_port, spawn, stop
from models import store
from models.api_key import Scope
from models.feed import Block, FeedEntry
from models.principal import Principal, Role
from models.store import Stores, prepare
from services import api_keys
from services.tokens import Tokens

ADMIN = Principal("bench", frozenset({Role.ADMIN}), "bench")
CONNECTIONS = 10  # of one key, as many as the API lets it have
SUBSCRIPTIONS = 20
BARE = """
import asyncio, sys
from websockets.asyncio.server import broadcast, serve
everyone = set()
async def handle(connection):
    async for message in connection:
        if message == "join":
            everyone.add(connection)
            await connection.send("joined")
        else:
            broadcast(everyone, message)
async def main():
    async with serve(handle, "127.0.0.1", int(sys.argv[1]), compression=None):
        await asyncio.get_running_loop().create_future()
asyncio.run(main())
"""


@dataclass
class Stack:
    """The processes, and how to reach them."""

    uri: str
    url: str
    api: Popen[bytes]
    keys: list[str]

    def cpu(self) -> float:
        """Return the seconds of CPU that the API has had."""
        fields = Path(f"/proc/{self.api.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """Return the API's resident memory in KiB."""
        status = Path(f"/proc/{self.api.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])


@contextmanager
def stack(folder: Path) -> Iterator[Stack]:
    with ExitStack() as open_:
        mongod = open_.enter_context(devserver.mongod.running(folder / "mongod", Profile.DURABLE))
        keys = asyncio.run(set_up(mongod.uri))
        port = free_port()
        environment = environment_of(mongod.uri, "redis://127.0.0.1:1/0", port, folder)
        api = spawn(
            [sys.executable, "-m", "app.cli", "serve"],
            log=folder / "serve.log",
            environment=environment,
            death_signal=signal.SIGKILL,
        )
        open_.callback(stop, api)
        await_ready(f"http://127.0.0.1:{port}")
        yield Stack(mongod.uri, f"127.0.0.1:{port}/graphql", api, keys)


async def set_up(uri: str) -> list[str]:
    """Return API keys, enough for all who subscribe."""
    database = store.connect(uri, "bench")
    await prepare(database)
    stores, now = Stores.over(database), datetime.now(UTC)
    made = [
        await api_keys.create(
            f"b{n}",
            [Scope.FEED],
            caller=ADMIN,
            stores=stores,
            tokens=Tokens("a secret for benchmarks"),
            now=now,
        )
        for n in range(100)
    ]
    return [token for _, token in made]


async def told(stores: Stores, size: int = 1) -> None:
    """Put a block into the feed."""
    last = await stores.feed.find_last()
    number, first = (last.number + 1, last.last_seq + 1) if last else (1, 1)
    now = datetime.now(UTC)
    entries = tuple(
        FeedEntry(
            f"e{seq}",
            "order.placed",
            now,
            None,
            f"u{seq % 10_000:05}",
            {"order": f"o{seq}", "currency": "USD", "total": "54.00", "lines": [{"sku": "A"}]},
        )
        for seq in range(first, first + size)
    )
    assert await stores.feed.append(Block(number, first, entries, now))


async def joined(open_: AsyncExitStack, url: str, key: str) -> ClientConnection:
    socket = await open_.enter_async_context(
        connect(
            f"ws://{url}",
            subprotocols=[Subprotocol("graphql-transport-ws")],
            compression=None,
            max_size=None,
            open_timeout=120,
            ping_interval=None,
        )
    )
    await send(socket, {"type": "connection_init", "payload": {"authorization": f"Bearer {key}"}})
    assert orjson.loads(await socket.recv())["type"] == "connection_ack"
    return socket


async def send(socket: ClientConnection, message: object) -> None:
    await socket.send(orjson.dumps(message).decode())


def asking(number: int, query: str) -> object:
    return {"id": str(number), "type": "subscribe", "payload": {"query": query}}


async def spread(sockets: list[ClientConnection], act: Callable[[], Awaitable[object]]) -> float:
    """Return the seconds from the first to the last who has got one message."""
    waiting = [asyncio.create_task(arrival(socket)) for socket in sockets]
    await asyncio.sleep(0.2)
    await act()
    times = await asyncio.gather(*waiting)
    return max(times) - min(times)


async def arrival(socket: ClientConnection) -> float:
    await socket.recv()
    return time.perf_counter()


async def fanout(running: Stack, people: int = 1_000, rounds: int = 9) -> None:
    stores = Stores.over(store.connect(running.uri, "bench"))
    port = free_port()
    bare_server = await asyncio.create_subprocess_exec(sys.executable, "-c", BARE, str(port))
    try:
        async with AsyncExitStack() as open_:
            ours = [
                await joined(open_, running.url, running.keys[n // CONNECTIONS])
                for n in range(people)
            ]
            for socket in ours:
                query = "subscription { feed { cursor entries { cursor type at userId data } } }"
                await send(socket, asking(1, query))
            bare = []
            for _ in range(people):
                socket = await open_.enter_async_context(
                    connect(f"ws://127.0.0.1:{port}", compression=None, ping_interval=None)
                )
                await socket.send("join")
                await socket.recv()
                bare.append(socket)
            await asyncio.sleep(3)
            text = "x" * 300
            found: dict[str, list[float]] = {"ours": [], "bare": []}
            for _ in range(rounds):
                found["ours"].append(await spread(ours, lambda: told(stores)))
                found["bare"].append(await spread(bare, lambda: bare[0].send(text)))
        times = {name: statistics.median(each) for name, each in found.items()}
        print(
            f"{people:,} subscribers, first to last: {times['ours'] * 1e3:.0f} ms, bare "
            f"{times['bare'] * 1e3:.0f} ms, {times['ours'] / times['bare']:.1f} ×"
        )
    finally:
        bare_server.kill()
        await bare_server.wait()


async def idle(running: Stack, sockets: int = 250) -> None:
    async with AsyncExitStack() as open_:
        first = await joined(open_, running.url, running.keys[-1])
        before = running.memory()
        everyone = [
            await joined(open_, running.url, running.keys[n // CONNECTIONS]) for n in range(sockets)
        ]
        connected = running.memory()
        for socket in everyone:
            for number in range(SUBSCRIPTIONS):
                await send(socket, asking(number, "subscription { feed { cursor } }"))
        await asyncio.sleep(10)
        after = running.memory()
        await first.close()
    count = sockets * SUBSCRIPTIONS
    print(
        f"{count:,} idle subscriptions on {sockets} sockets: {(after - connected) / count:.1f} KiB "
        f"each, {(connected - before) / sockets:.0f} KiB a socket, {after / 1024:.0f} MiB in all"
    )


async def replay(running: Stack, entries: int) -> None:
    stores = Stores.over(store.connect(running.uri, "bench"))
    last = await stores.feed.find_last()
    begin = last.last_seq if last else 0
    for _ in range(entries // 500):
        await told(stores, 500)
    async with AsyncExitStack() as open_:
        socket = await joined(open_, running.url, running.keys[0])
        query = f'subscription {{ feed(after: "{begin}", batch: 500) {{ cursor entries '
        query += "{ cursor type at userId data } } }"
        started, cpu = time.perf_counter(), running.cpu()
        await send(socket, asking(1, query))
        cursor = begin
        while cursor < begin + entries:
            answer = orjson.loads(await socket.recv())["payload"]["data"]["feed"]
            for each in answer["entries"]:
                cursor += 1
                assert each["cursor"] == str(cursor)
        taken = time.perf_counter() - started
    each = (running.cpu() - cpu) / entries
    print(
        f"{entries:,} entries replayed in {taken:.1f} s: {entries / taken:,.0f} a second,"
        f" {spell(each)} of the API's CPU each"
    )


def main() -> None:
    numbers = [int(each) for each in sys.argv[1:] if each.isdecimal()]
    wanted = [each for each in sys.argv[1:] if not each.isdecimal()] or ["fanout", "idle", "replay"]
    with tempfile.TemporaryDirectory() as folder, stack(Path(folder)) as running:
        load = " ".join(f"{each:.1f}" for each in os.getloadavg())
        print(f"load {load}")
        if "fanout" in wanted:
            asyncio.run(fanout(running))
        if "idle" in wanted:
            asyncio.run(idle(running))
        if "replay" in wanted:
            asyncio.run(replay(running, numbers[0] if numbers else 1_000_000))


if __name__ == "__main__":
    main()
