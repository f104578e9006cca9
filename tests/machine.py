"""How much slower others make what runs here, so that times can be judged in spite of them.

Limits are those of a machine that does nothing else. Linux counts how long each thread waited for
a processor; the part of that in which others had it is what they cost.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
HANGS = 1_200  # seconds after which nobody waits any more, however slow the machine
_EVERY = 1.0  # seconds
_ENOUGH = 0.02  # seconds of CPU: of less nothing can be said


@dataclass
class Machine:
    """What others cost this process and its children: nothing, where Linux does not say."""

    ran: float = 0.0
    waited: float = 0.0
    worst: float = 1.0

    @property
    def slower(self) -> float:
        """How many times longer all took, on the whole, than with the machine to oneself."""
        return 1 + self.waited / self.ran if self.ran else 1.0

    def note(self, ran: float, waited: float) -> None:
        """Add a second's CPU, and the waiting for others to let go of it."""
        self.ran += ran
        self.waited += waited
        if ran >= _ENOUGH:
            self.worst = max(self.worst, 1 + waited / ran)


@asynccontextmanager
async def watched() -> AsyncIterator[Machine]:
    """Have an eye on the machine, once a second."""
    machine = Machine()

    async def look() -> None:
        taken, before = busy(), threads()
        while True:
            await asyncio.sleep(_EVERY)
            taken_now, now = busy(), threads()
            both = now.keys() & before.keys()
            ran = sum(now[each][0] - before[each][0] for each in both)
            waited = sum(now[each][1] - before[each][1] for each in both)
            whole = taken_now - taken
            others = max(0.0, whole - ran) / whole if whole else 0.0
            machine.note(ran, waited * others)
            taken, before = taken_now, now

    looking = asyncio.create_task(look())
    try:
        yield machine
    finally:
        looking.cancel()


def busy() -> float:
    """Return the seconds of CPU that all processes have taken."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return 0.0
    user, nice, system, _idle, _wait, irq, soft, *_ = stat.read_text().split()[1:]
    return sum(map(int, (user, nice, system, irq, soft))) / _TICKS


def threads() -> dict[int, tuple[float, float]]:
    """Return the seconds that each of our threads, and of our children's, has run and waited."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended
            continue
    found = {}
    for pid in parents:
        if _is_ours(pid, parents):
            for schedstat in Path(f"/proc/{pid}/task").glob("*/schedstat"):
                try:
                    ran, waited, _ = map(int, schedstat.read_text().split())
                except OSError:
                    continue
                found[int(schedstat.parent.name)] = (ran / 1e9, waited / 1e9)
    return found


def _is_ours(pid: int, parents: dict[int, int]) -> bool:
    while pid in parents:
        if pid == os.getpid():
            return True
        pid = parents[pid]
    return False
