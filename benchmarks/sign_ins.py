"""What 200 people who sign in at one moment cost everybody else.

One API process, a real mongod with journalled writes. A few callers ask `me` at a steady pace,
first with nobody signing in, then while 200 do, each from an address of their own and all from
another process than those who ask. Whoever is turned away comes again when told to.

Run: python benchmarks/sign_ins.py [ROUNDS]
"""

import asyncio
import socket
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import orjson
from _api import SECRET, running
from _http import Served
from _measure import spell

from models.ids import new_id
from models.store import Stores, connect, prepare
from models.user import User
from services import sessions
from services.passwords import Passwords
from services.tokens import Tokens

ROUNDS = int(sys.argv[1]) if sys.argv[1:] else 3
PEOPLE = 200
CALLERS = 4
PACE = 0.1  # seconds between two questions of a caller
QUIET = 5.0
PASSWORD = "a good pass phrase"
SIGN_IN = """
mutation ($input: SignInInput!) {
  signIn(input: $input) { session { accessToken } userErrors { code } }
}
"""


@dataclass(slots=True)
class Volley:
    """How it went: how late others were answered, how long it took, how many were turned away."""

    latencies: list[float] = field(default_factory=list)
    took: float = 0.0
    refused: int = 0

    def p(self, percent: int) -> float:
        """Return this percentile of the latencies."""
        return sorted(self.latencies)[len(self.latencies) * percent // 100]


async def set_up(uri: str) -> str:
    """Make the people, all with one password; return the access token of one."""
    database = connect(uri, "bench")
    await prepare(database)
    stores, passwords, now = Stores.over(database), Passwords(), datetime.now(UTC)
    hashed = await passwords.hash(PASSWORD)
    passwords.close()
    for at in range(PEOPLE):
        email = f"person{at}@example.test"
        user = User(id=new_id(), created_at=now, email=email, name=f"Person {at}")
        user_id = await stores.identities.claim(email, user.id)
        assert user_id
        await stores.users.add_once(user, user_id)
        await stores.credentials.add(user_id, hashed, now=now)
        await stores.identities.settle(email, user_id)
    pair = await sessions.open_session(user, stores=stores, tokens=Tokens(SECRET), wall=now)
    return pair.access_token


async def told(reader: asyncio.StreamReader) -> Any:
    """Read an answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    return orjson.loads(await reader.readexactly(length))


async def others(served: Served, until: asyncio.Event, volley: Volley) -> None:
    """Ask `me` at a steady pace: what is late is asked late, and counts from when it was due."""
    (wanted,) = served.wanted()
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    due = time.perf_counter()
    while not until.is_set():
        writer.write(wanted)
        assert (await told(reader))["data"]["me"]["id"]
        volley.latencies.append(time.perf_counter() - due)
        due += PACE
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
    writer.close()


async def asked(port: int, own: str, request: bytes) -> Any:
    """Send a request over a connection of its own, from this address, and return the answer.

    By plain sockets, which cost less than streams: this side takes part of the same processors.
    """
    loop = asyncio.get_running_loop()
    with socket.socket() as connection:
        connection.setblocking(False)
        connection.bind((own, 0))
        await loop.sock_connect(connection, ("127.0.0.1", port))
        await loop.sock_sendall(connection, request)
        answer = b""
        while True:
            head, ended, content = answer.partition(b"\r\n\r\n")
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            if ended and len(content) >= int(length):
                return orjson.loads(content)
            part = await loop.sock_recv(connection, 65_536)
            assert part, "the server hung up"
            answer += part


def to_sign_in(at: int) -> bytes:
    """Return the request with which a person signs in."""
    given = {"email": f"person{at}@example.test", "password": PASSWORD}
    body = orjson.dumps({"query": SIGN_IN, "variables": {"input": given}})
    return (
        b"POST /graphql HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n%b" % (len(body), body)
    )


async def sign_in(served: Served, at: int, volley: Volley) -> None:
    """Sign in, however often it takes."""
    own, request = f"127.0.1.{at + 1}", to_sign_in(at)
    while True:
        answer = await asked(served.port, own, request)
        errors = answer.get("errors")
        if not errors:
            assert answer["data"]["signIn"]["session"], answer
            return
        refusal = errors[0]["extensions"]
        assert refusal["code"] in ("RATE_LIMITED", "UNAVAILABLE"), answer
        volley.refused += 1
        await asyncio.sleep(refusal.get("retryAfter", 1))


def crowd(served: Served, go: Any, done: Any) -> None:
    """Have everybody sign in at one moment, when told to."""

    async def all_sign_in(volley: Volley) -> None:
        await asyncio.gather(*(sign_in(served, at, volley) for at in range(PEOPLE)))

    volley = Volley()
    done.put(0)
    go.get()
    asyncio.run(all_sign_in(volley))
    done.put(volley.refused)


async def measured(served: Served, *, crowded: bool) -> Volley:
    """Ask while all sign in; while nobody does, for some seconds."""
    volley, until = Volley(), asyncio.Event()
    context = get_context("spawn")
    go, done = context.Queue(), context.Queue()
    if crowded:
        people = context.Process(target=crowd, args=(served, go, done))
        people.start()
        await asyncio.to_thread(done.get)
    asking = [asyncio.create_task(others(served, until, volley)) for _ in range(CALLERS)]
    began = time.perf_counter()
    if crowded:
        go.put(True)
        volley.refused = await asyncio.to_thread(done.get)
        people.join()
    else:
        await asyncio.sleep(QUIET)
    volley.took = time.perf_counter() - began
    until.set()
    await asyncio.gather(*asking)
    return volley


async def run(served: Served) -> None:
    """Measure in turn, and compare."""
    await measured(served, crowded=False)
    ratios = []
    for _ in range(ROUNDS):
        quiet = await measured(served, crowded=False)
        loud = await measured(served, crowded=True)
        ratios.append(loud.p(99) / quiet.p(99))
        print(
            f"nobody signs in: p50 {spell(quiet.p(50))}, p99 {spell(quiet.p(99))};"
            f" {PEOPLE} do, in {spell(loud.took)}, turned away {loud.refused} times:"
            f" p50 {spell(loud.p(50))}, p99 {spell(loud.p(99))}: {ratios[-1]:.2f} ×",
            flush=True,
        )
    print(f"the p99 of others becomes {statistics.median(ratios):.2f} × what it was")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as parent, running(Path(parent), set_up) as api:
        asyncio.run(run(api))
