"""A process whose event loop stands still is ended; one that waits or was left is not."""

import subprocess
import sys

from app.watchdog import EXIT

PROGRAM = """
import asyncio, time
from app.watchdog import Watchdog

def in_circles(seconds):
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        pass

async def main():
    dog = Watchdog(asyncio.get_running_loop(), patience={patience}, every=0.01)
    {then}

asyncio.run(main())
"""


def run(then: str, *, patience: float) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM.format(then=then, patience=patience)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_whoever_goes_round_in_circles_is_ended_and_says_where():
    ended = run("in_circles(600)", patience=0.5)

    assert ended.returncode == EXIT
    assert "in_circles" in ended.stderr
    assert "stands still" in ended.stderr


def test_whoever_only_waits_is_left_alone():
    assert run("await asyncio.sleep(1)", patience=60).returncode == 0


def test_whoever_is_watched_no_more_is_left_alone():
    assert run("dog.leave(); in_circles(1)", patience=0.05).returncode == 0
