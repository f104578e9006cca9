"""Asking servers over HTTP in turn: how many answers a second, how late, for how much CPU."""

import asyncio
import os
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import httpx2
from _measure import spell

CALLERS = 8


@dataclass(frozen=True, slots=True)
class Served:
    """A server: where it listens, its process, and what it is asked."""

    name: str
    port: int
    pid: int
    path: str
    key: str
    bodies: Sequence[bytes]

    def wanted(self) -> list[bytes]:
        """Return the requests as they go over the wire."""
        return [
            b"POST %b HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer %b\r\n"
            b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
            % (self.path.encode(), self.key.encode(), len(body), body)
            for body in self.bodies
        ]

    def cpu(self) -> float:
        """Return the seconds of CPU that the process has had."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def await_answer(self) -> dict[str, Any]:
        """Wait until the server gives an answer, and return it."""
        deadline = time.monotonic() + 120
        while True:
            try:
                answer = httpx2.post(
                    f"http://127.0.0.1:{self.port}{self.path}",
                    content=self.bodies[0],
                    headers={
                        "authorization": f"Bearer {self.key}",
                        "content-type": "application/json",
                    },
                )
                found: dict[str, Any] = answer.json()
                if found.get("data"):
                    return found
                if time.monotonic() > deadline:
                    raise RuntimeError(answer.text)
            except httpx2.TransportError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.2)


def await_ready(url: str) -> None:
    """Wait until an API says that it is ready."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if httpx2.get(f"{url}/readyz", timeout=2).status_code == 200:
                return
        except httpx2.HTTPError:
            pass
        time.sleep(0.2)
    raise SystemExit("the API did not come up")


@dataclass(frozen=True, slots=True)
class Measured:
    """Medians over the rounds: answers a second, and seconds of the server's CPU for one."""

    rate: float
    cpu: float


def in_turn(
    served: Sequence[Served], *, seconds: float, rounds: int, mark: bytes
) -> Mapping[str, Measured]:
    """Ask each server for some seconds, round after round. `mark` is in every good answer.

    Callers keep their connections, in a process of their own. The first round warms up.
    """
    context = get_context("spawn")
    rates: dict[str, list[float]] = {each.name: [] for each in served}
    costs: dict[str, list[float]] = {each.name: [] for each in served}
    for round_ in range(rounds + 1):
        for each in served:
            done = context.Queue()
            before = each.cpu()
            client = context.Process(
                target=_ask, args=(each.port, each.wanted(), seconds, mark, done)
            )
            client.start()
            count, took, latencies = done.get(timeout=seconds + 120)
            client.join()
            if not round_:
                continue
            cpu = (each.cpu() - before) / count
            rates[each.name].append(count / took)
            costs[each.name].append(cpu)
            latencies.sort()
            print(
                f"{each.name:28} {count / took:7,.0f}/s"
                f"   p50 {spell(latencies[count // 2]):>8}"
                f"   p99 {spell(latencies[count * 99 // 100]):>8}"
                f"   {spell(cpu):>8} of the server's CPU each",
                flush=True,
            )
    return {
        each.name: Measured(
            statistics.median(rates[each.name]), statistics.median(costs[each.name])
        )
        for each in served
    }


def compare(ours: str, theirs: str, found: Mapping[str, Measured]) -> None:
    """Print how one does beside another."""
    print(
        f"{ours} does {found[ours].rate / found[theirs].rate:.2f} × what {theirs} does a second,"
        f" and {found[theirs].cpu / found[ours].cpu:.2f} × per second of the server's CPU"
    )


def _ask(port: int, wanted: Sequence[bytes], seconds: float, mark: bytes, done: Any) -> None:
    done.put(asyncio.run(_asked(port, wanted, seconds, mark)))


async def _asked(
    port: int, wanted: Sequence[bytes], seconds: float, mark: bytes
) -> tuple[int, float, list[float]]:
    latencies: list[float] = []
    until = time.perf_counter() + seconds

    async def caller(first: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        at = first
        while (began := time.perf_counter()) < until:
            writer.write(wanted[at % len(wanted)])
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            content = await reader.readexactly(length)
            assert head.startswith(b"HTTP/1.1 200"), head
            assert mark in content.replace(b" ", b""), content
            latencies.append(time.perf_counter() - began)
            at += CALLERS
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(caller(first) for first in range(CALLERS)))
    return len(latencies), time.perf_counter() - began, latencies
