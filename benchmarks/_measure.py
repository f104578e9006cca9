"""Measuring several ways to do the same in turn, so that whatever else runs hits them alike."""

import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path


def medians(
    ways: Mapping[str, Callable[[], object]], rounds: int = 15, repeats: int = 1
) -> dict[str, float]:
    """Return the median seconds of CPU that one call of each way takes."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            started = time.process_time()
            for _ in range(repeats):
                way()
            taken[name].append((time.process_time() - started) / repeats)
    return {name: statistics.median(each) for name, each in taken.items()}


def cpu_of(pid: int) -> float:
    """Return the seconds of CPU that a process has taken (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def spell(seconds: float) -> str:
    """Return a length of time in a unit that suits it."""
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * scale >= 1:
            return f"{seconds * scale:,.3g} {unit}"
    return f"{seconds * 1e9:,.3g} ns"


def size_asked(default: int) -> int:
    """Return the number that the script was called with, as 1_000_000; else the default."""
    return int(sys.argv[1].replace("_", "")) if len(sys.argv) > 1 else default
