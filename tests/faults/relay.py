"""A line between two servers that can be cut, or fall silent without a word."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum


class Line(StrEnum):
    """What becomes of what is sent."""

    OPEN = "open"
    SILENT = "silent"  # connections stay and can be made, but nothing arrives until it is open
    CUT = "cut"  # connections end, and new ones end at once


@dataclass
class Relay:
    """`port` is where to connect instead of the server."""

    port: int = 0
    line: Line = Line.OPEN
    _opened: asyncio.Event = field(default_factory=asyncio.Event)
    _connections: set[asyncio.Task[None]] = field(default_factory=set)

    def become(self, line: Line) -> None:
        """Change at once, also for the connections that there are."""
        self.line = line
        if line is Line.SILENT:
            self._opened.clear()
        else:
            self._opened.set()
        if line is Line.CUT:
            for task in self._connections:
                task.cancel()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on one way until the end, with whatever silence there is."""
        with suppress(OSError):
            while part := await reader.read(64 * 1024):
                await self._opened.wait()
                writer.write(part)
                await writer.drain()
        writer.close()

    def add(self, task: asyncio.Task[None]) -> None:
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def end(self) -> None:
        """Cut every connection, and wait until that is done."""
        self.become(Line.CUT)
        await asyncio.gather(*self._connections, return_exceptions=True)


@asynccontextmanager
async def relaying(to: int) -> AsyncIterator[Relay]:
    """Listen on a port of its own, and pass on to this one of loopback."""
    relay = Relay()
    relay.become(Line.OPEN)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        relay.add(task)
        there = None
        with suppress(OSError, asyncio.CancelledError):
            if relay.line is not Line.CUT:
                answers, there = await asyncio.open_connection("127.0.0.1", to)
                await asyncio.gather(relay.carry(reader, there), relay.carry(answers, writer))
        writer.close()
        if there is not None:
            there.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
        await relay.end()
