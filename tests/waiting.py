"""Waiting for a state that must come, however slow the machine; how long it took says nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from inspect import isawaitable


async def until(holds: Callable[[], bool | Awaitable[bool]], *, within: float = 60) -> None:
    """Return once it holds. Raises TimeoutError where it never will."""
    async with asyncio.timeout(within):
        while True:
            answer = holds()
            if await answer if isawaitable(answer) else answer:
                return
            await asyncio.sleep(0.01)
