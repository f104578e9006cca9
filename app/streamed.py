"""Answers that are sent as they are made: no faster than they are read, and never half as if whole.

Each part is made when the one before it has gone out, so that a slow reader costs no memory; one
who takes nothing for a minute is let go. Where a part cannot be made the connection is closed
without the chunk that ends it: every client of HTTP takes that for an error.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

PATIENCE = 60.0


class Streamed(Response):
    """The answer. `first` was made before, so that what is refused has a status of its own."""

    def __init__(
        self,
        parts: AsyncGenerator[bytes],
        *,
        first: bytes,
        media_type: str,
        filename: str = "",
        patience: float = PATIENCE,
    ) -> None:
        disposition = f'attachment; filename="{filename}"' if filename else "inline"
        super().__init__(
            media_type=media_type,
            headers={"content-disposition": disposition, "cache-control": "no-store"},
        )
        del self.headers["content-length"]
        self._parts, self._first, self._patience = parts, first, patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, until it is over or nobody reads."""
        gone = asyncio.create_task(_gone(receive))
        try:
            async with aclosing(self._parts):
                await send(
                    {
                        "type": "http.response.start",
                        "status": self.status_code,
                        "headers": self.raw_headers,
                    }
                )
                if scope["method"] != "HEAD":
                    await self._send(self._first, send)
                    async for part in self._parts:
                        if gone.done():
                            return
                        await self._send(part, send)
            await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()

    async def _send(self, part: bytes, send: Send) -> None:
        async with asyncio.timeout(self._patience):
            await send({"type": "http.response.body", "body": part, "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
