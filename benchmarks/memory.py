"""Whether processes grow: events at half the rate that is reached, for ten minutes.

The stack of ingest.py: 100 triggers and 50 segments live, one API, one worker, one scheduler.
Every half minute the resident memory of each is read. What grows by itself shows in the second
half, when caches are filled and allocators have what they need: the slope there is a line through
the readings by least squares.

Run: python benchmarks/memory.py [SECONDS [EVENTS_PER_SECOND]]
"""

import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import httpx2
from ingest import Stack, batch, flood, live, stack

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 600.0
RATE = float(sys.argv[2]) if len(sys.argv) > 2 else None
EVERY = 30.0
SIZE = 50  # events in a request
TRIAL = 20.0  # seconds to see what rate is reached

Readings = list[tuple[float, dict[str, float]]]


async def send(running: Stack, rate: float, seconds: float) -> tuple[int, int]:
    """Send at a rate; return how many events were taken and how many were refused."""
    dice = random.Random(9)
    headers = {"authorization": f"Bearer {running.key}", "content-type": "application/x-ndjson"}
    taken = refused = 0
    async with httpx2.AsyncClient(timeout=60) as http, asyncio.TaskGroup() as group:

        async def post() -> None:
            nonlocal taken, refused
            url = f"{running.url}/v1/events"
            answer = await http.post(url, content=batch(dice, SIZE), headers=headers)
            if answer.is_success:
                taken += SIZE
            else:
                refused += SIZE

        began = time.monotonic()
        for number in range(int(rate * seconds / SIZE)):
            await asyncio.sleep(max(0.0, began + number * SIZE / rate - time.monotonic()))
            group.create_task(post())
    return taken, refused


async def read(running: Stack, readings: Readings) -> None:
    """Read each process's memory again and again, and say so."""
    began = time.monotonic()
    while True:
        elapsed = time.monotonic() - began
        readings.append((elapsed, {name: running.memory(name) for name in running.processes}))
        told = "  ".join(f"{name} {size:6.1f}" for name, size in readings[-1][1].items())
        print(f"{elapsed:5.0f} s  {told}  MiB", flush=True)
        await asyncio.sleep(EVERY - (time.monotonic() - began) % EVERY)


def slope(readings: Sequence[tuple[float, dict[str, float]]], name: str) -> float:
    """Return by how many MiB a minute a process grows."""
    minutes = [elapsed / 60 for elapsed, _ in readings]
    return statistics.linear_regression(minutes, [sizes[name] for _, sizes in readings]).slope


async def measure(running: Stack) -> None:
    await live(running.uri)
    rate = RATE
    if rate is None:
        sent, took = await flood(running, TRIAL)
        rate = sent / took / 2
    print(f"{rate:,.0f} events a second")
    readings: Readings = []
    reading = asyncio.create_task(read(running, readings))
    taken, refused = await send(running, rate, SECONDS)
    reading.cancel()
    print(f"{taken:,} events taken, {refused:,} refused")
    half = readings[len(readings) // 2 :]
    for name in running.processes:
        first, last = readings[0][1][name], readings[-1][1][name]
        print(
            f"{name}: {first:.0f} MiB at first, {last:.0f} at last; "
            f"{slope(half, name):+.2f} MiB a minute in the second half"
        )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, stack(Path(folder)) as running:
        asyncio.run(measure(running))


if __name__ == "__main__":
    main()
