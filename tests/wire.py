"""A proxy before MongoDB that knows what passes through it, and acts at one of the writes."""

import asyncio
import struct
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

_WRITES = frozenset({"insert", "update", "delete", "findAndModify", "commitTransaction"})
_OWN = frozenset({"hello", "isMaster", "ismaster", "ping", "endSessions"})  # of the driver itself
_OP_MSG = 2013


@dataclass
class Wire:
    """`strike` is called at the write number `at` (from 1), before it is passed on or after it has
    been done; its answer never arrives. `seen` names the writes so far, as "insert events", and
    `asked` whatever the database has been asked since it was last emptied.
    """

    port: int = 0
    at: int = 0
    before: bool = True
    strike: Callable[[], None] = lambda: None
    seen: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    struck: bool = False

    @property
    def uri(self) -> str:
        return f"mongodb://127.0.0.1:{self.port}/?directConnection=true"

    def arm(self, at: int, *, before: bool, strike: Callable[[], None]) -> None:
        """Begin to count."""
        self.at, self.before, self.strike = at, before, strike
        self.seen, self.struck = [], False

    def is_due(self, message: bytes) -> bool:
        """Note a message from a client; whether it is the write that was meant."""
        command = _command_of(message)
        if command is None:
            return False
        self.asked.append(command)
        if command.split()[0] not in _WRITES or self.at == 0:
            return False
        self.seen.append(command)
        return len(self.seen) == self.at


@asynccontextmanager
async def between(port: int) -> AsyncIterator[Wire]:
    """Listen on a port of its own, and pass on to mongod's.

    On a thread of its own: a client that closes blocks the loop it is closed in until it has been
    answered.
    """
    wire = Wire()
    loop = asyncio.new_event_loop()
    stopping, listening = asyncio.Event(), threading.Event()
    carrier = threading.Thread(
        target=loop.run_until_complete, args=(_carry(wire, port, listening, stopping),)
    )
    carrier.start()
    try:
        await asyncio.to_thread(listening.wait)
        yield wire
    finally:
        loop.call_soon_threadsafe(stopping.set)
        await asyncio.to_thread(carrier.join)
        loop.close()


async def _carry(
    wire: Wire, port: int, listening: threading.Event, stopping: asyncio.Event
) -> None:
    """Pass on what comes, until told to stop."""
    connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await _pass_on(wire, reader, writer, port)
        writer.close()
        connections.discard(task)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    wire.port = server.sockets[0].getsockname()[1]
    listening.set()
    await stopping.wait()
    server.close()
    for task in list(connections):
        task.cancel()
    await asyncio.gather(*connections, return_exceptions=True)


async def _pass_on(
    wire: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int
) -> None:
    from_server, to_server = await asyncio.open_connection("127.0.0.1", port)
    lost: set[int] = set()  # requests whose answers are not to arrive

    async def answers() -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                answer = await _read(from_server)
                if struct.unpack_from("<i", answer, 8)[0] in lost:
                    wire.struck = True
                    wire.strike()
                    writer.close()
                    return
                writer.write(answer)

    answering = asyncio.create_task(answers())
    try:
        while True:
            message = await _read(reader)
            if wire.is_due(message):
                if wire.before:
                    wire.struck = True
                    wire.strike()
                    return
                lost.add(struct.unpack_from("<i", message, 4)[0])
            to_server.write(message)
    except asyncio.IncompleteReadError:
        if lost:  # nobody waits for it any more; it is done all the same
            await answering
    finally:
        answering.cancel()
        to_server.close()


async def _read(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(4)
    (length,) = struct.unpack("<i", head)
    return head + await reader.readexactly(length - 4)


def _command_of(message: bytes) -> str | None:
    """Return what a message asks, and of which collection; None if it asks nothing of ours."""
    (code,) = struct.unpack_from("<i", message, 12)
    if code != _OP_MSG or message[20] != 0:
        return None
    # Flags, a section of kind 0, and in it a document: its first element is the command.
    command, _, rest = message[26:].partition(b"\0")
    if command.decode() in _OWN:
        return None
    if message[25] != 2:  # not a string: a command without a collection
        return command.decode()
    (length,) = struct.unpack_from("<i", rest, 0)
    return f"{command.decode()} {rest[4 : 3 + length].decode()}"
