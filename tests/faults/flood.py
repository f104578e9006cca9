"""A process that sends calls of events: as many as are answered, or at a rate whatever is answered.

`flood` starts it and returns what it saw. Every call has numbers of its own in its events' ids.
"""

import asyncio
import json
import sys
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Any

import orjson

from schema.ids import to_global
from tests.faults.shopping import INGEST

ROOT = Path(__file__).parents[2]
_NUMBER = b"NUMBERED"
CALLERS = 16
IDLE = 2.0  # seconds after which a line is not used again: the server may be about to close it


@dataclass(frozen=True, slots=True)
class Plan:
    """`rate` is calls begun in a second; without it, CALLERS begin the next when one is answered.

    A call has `together` events of people p00000 and on, and goes to /graphql or to /v1/events.
    """

    port: int
    token: str
    seconds: float
    together: int
    graphql: bool
    first: int = 0
    rate: float = 0

    def id_of(self, number: int, place: int) -> str:
        return f"{number:08}-{place}"

    def request(self, number: int) -> bytes:
        return _template(self).replace(_NUMBER, b"%08d" % number)


@dataclass(slots=True)
class Seen:
    """`taken` are the numbers of calls that were answered yes, `took` the seconds of each."""

    answers: dict[str, int] = field(default_factory=dict)
    taken: list[int] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    unhelpful: int = 0  # refusals that do not say when to come back
    lasted: float = 0.0

    def count(self, answer: str) -> None:
        self.answers[answer] = self.answers.get(answer, 0) + 1

    @property
    def rate(self) -> float:
        return len(self.taken) / self.lasted

    def p99(self) -> float:
        return sorted(self.took)[len(self.took) * 99 // 100]


async def flood(plan: Plan) -> Seen:
    """Have a process of its own do as planned."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.faults.flood",
        json.dumps(asdict(plan)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await process.communicate()
    assert process.returncode == 0
    return Seen(**json.loads(told))


_TEMPLATES: dict[Plan, bytes] = {}


def _template(plan: Plan) -> bytes:
    if plan not in _TEMPLATES:
        events: list[dict[str, Any]] = [
            {
                "id": f"{_NUMBER.decode()}-{place}",
                "name": "cart_updated",
                "user": to_global("User", user) if plan.graphql else user,
                "data": {"total": "5"},
            }
            for place in range(plan.together)
            for user in [f"p{place:05}"]
        ]
        path, kind = "/v1/events", "application/x-ndjson"
        body = b"\n".join(orjson.dumps(event) for event in events)
        if plan.graphql:
            path, kind = "/graphql", "application/json"
            body = orjson.dumps({"query": INGEST, "variables": {"input": {"events": events}}})
        head = f"POST {path} HTTP/1.1\r\nhost: shop\r\nauthorization: Bearer {plan.token}\r\n"
        head += f"content-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
        _TEMPLATES[plan] = head.encode() + body
    return _TEMPLATES[plan]


Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(slots=True)
class _Flood:
    plan: Plan
    seen: Seen = field(default_factory=Seen)
    idle: deque[tuple[float, Line]] = field(default_factory=deque)

    async def call(self, number: int) -> None:
        """Send one call over a line that is free, or over a new one."""
        began = perf_counter()
        try:
            status, helpful = await self._ask(await self._line(), number)
        except (OSError, asyncio.IncompleteReadError) as error:
            self.seen.count(type(error).__name__)
            return
        self.seen.count(str(status))
        if status == 200:
            self.seen.taken.append(number)
            self.seen.took.append(perf_counter() - began)
        elif not helpful:
            self.seen.unhelpful += 1

    async def _line(self) -> Line:
        while self.idle:
            left, line = self.idle.pop()
            if perf_counter() - left < IDLE:
                return line
            line[1].close()
        return await asyncio.open_connection("127.0.0.1", self.plan.port)

    async def _ask(self, line: Line, number: int) -> tuple[int, bool]:
        reader, writer = line
        writer.write(self.plan.request(number))
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
        content = await reader.readexactly(length)
        status = int(head.split(b" ", 2)[1])
        if status == 200:
            taken = content.lower().count(b'"outcome":"accepted"')
            assert taken == self.plan.together, content
        if b"connection: close" in head:
            writer.close()
        else:
            self.idle.append((perf_counter(), line))
        return status, b"retry-after:" in head

    async def run(self) -> Seen:
        numbers, began = count(self.plan.first), perf_counter()
        act: Callable[..., Awaitable[None]] = self._at_rate if self.plan.rate else self._as_answered
        await act(numbers, began)
        self.seen.lasted = perf_counter() - began
        for _, (_, writer) in self.idle:
            with suppress(OSError):
                writer.close()
        return self.seen

    async def _as_answered(self, numbers: Any, began: float) -> None:
        async def caller() -> None:
            while perf_counter() - began < self.plan.seconds:
                await self.call(next(numbers))

        await asyncio.gather(*(caller() for _ in range(CALLERS)))

    async def _at_rate(self, numbers: Any, began: float) -> None:
        calls: set[asyncio.Task[None]] = set()
        sent = 0
        while (passed := perf_counter() - began) < self.plan.seconds:
            while sent < passed * self.plan.rate:
                task = asyncio.create_task(self.call(next(numbers)))
                calls.add(task)
                task.add_done_callback(calls.discard)
                sent += 1
            await asyncio.sleep(0.002)
        await asyncio.gather(*calls)


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(_Flood(Plan(**json.loads(sys.argv[1]))).run()))))  # noqa: T201
