"""What Fanfare takes of a core with nothing to do: people, rules and members there, and no event.

The stack of ingest.py: 100 triggers and 50 segments live, one API, one worker, one scheduler. Once
all that was published is filled and seen, the CPU of each process is read over some time.

Run: python benchmarks/idle.py [SECONDS]
"""

import asyncio
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from _measure import cpu_of
from ingest import Stack, live, stack

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
SETTLING = 5.0


async def measure(running: Stack) -> None:
    await live(running.uri)
    await asyncio.sleep(SETTLING)
    pids = {name: each.pid for name, each in {**running.processes, **running.servers}.items()}
    before = {name: cpu_of(pid) for name, pid in pids.items()}
    await asyncio.sleep(SECONDS)
    shares = {name: (cpu_of(pid) - before[name]) / SECONDS for name, pid in pids.items()}
    for name, share in shares.items():
        print(f"{name:10} {share:6.1%} of a core")
    print(f"{'together':10} {sum(shares.values()):6.1%}")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, stack(Path(folder)) as running:
        asyncio.run(measure(running))


if __name__ == "__main__":
    main()
