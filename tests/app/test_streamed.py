"""Answers sent as they are made: as fast as they are read, closed with whoever reads them."""

import asyncio

import pytest

from app.streamed import Streamed
from tests.waiting import until

SCOPE = {"type": "http", "method": "GET"}


class Reader:
    """The other side: takes a part when `ready` lets it, and may go away."""

    def __init__(self):
        self.got, self.ready, self.gone = [], asyncio.Semaphore(0), asyncio.Event()

    async def receive(self):
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        await self.ready.acquire()
        self.got.append(message)


class Parts:
    """Makes parts without end, and knows how many and whether it was closed."""

    def __init__(self, *, broken_at=10**9):
        self.made, self.closed, self._broken_at = 0, asyncio.Event(), broken_at

    async def make(self):
        try:
            while True:
                await asyncio.sleep(0)
                if self.made == self._broken_at:
                    raise RuntimeError("it broke")
                self.made += 1
                yield b"x"
        finally:
            self.closed.set()


def sending(parts, reader, **more):
    answer = Streamed(parts.make(), first=b"first", media_type="text/csv", **more)
    return asyncio.create_task(answer(SCOPE, reader.receive, reader.send))


async def test_the_next_part_is_made_when_the_one_before_was_taken():
    parts, reader = Parts(), Reader()
    task = sending(parts, reader)
    for taken in range(2, 6):  # the start and the first part come before
        reader.ready.release() if taken > 2 else [reader.ready.release() for _ in range(2)]
        await until(lambda taken=taken: len(reader.got) == taken and parts.made == taken - 1)
        for _ in range(100):
            await asyncio.sleep(0)
        assert parts.made == taken - 1

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert parts.closed.is_set()


async def test_nothing_is_made_for_one_who_has_gone():
    parts, reader = Parts(), Reader()
    reader.gone.set()
    for _ in range(10):
        reader.ready.release()

    await sending(parts, reader)

    assert parts.closed.is_set()
    assert not any(m.get("more_body") is None and "body" in m for m in reader.got)


async def test_one_who_takes_nothing_for_long_is_let_go():
    parts, reader = Parts(), Reader()
    reader.ready.release()

    with pytest.raises(TimeoutError):
        await sending(parts, reader, patience=0.05)

    assert parts.made <= 1


async def test_what_breaks_off_is_not_ended_as_if_it_were_whole():
    parts, reader = Parts(broken_at=3), Reader()
    for _ in range(100):
        reader.ready.release()

    with pytest.raises(RuntimeError):
        await sending(parts, reader)

    assert all(message.get("more_body") for message in reader.got[1:])
