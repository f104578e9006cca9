"""Processes kept running together: restarted when they die, stopped in order, never orphaned."""

import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

Start = Callable[[], subprocess.Popen[bytes]]

_DEATHS_ALLOWED = 5
_DEATHS_WITHIN = 60.0
_LONGEST_PAUSE = 5.0


class Broken(Exception):
    """A process keeps dying. The message says which, and how it ended."""


@dataclass(slots=True)
class _Service:
    name: str
    tier: int
    start: Start
    log: Path
    process: subprocess.Popen[bytes]
    deaths: deque[float] = field(default_factory=deque)
    due: float | None = None


class Supervisor:
    """Starts services tier by tier and stops them the other way round."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._services: list[_Service] = []

    def start(self, name: str, start: Start, *, log: Path, tier: int) -> None:
        """Start a service and keep it running. Services of one tier stop together."""
        self._services.append(_Service(name, tier, start, log, start()))

    def watch(self, *, seconds: float | None = None) -> None:
        """Restart what dies, for `seconds` or for ever. Raises Broken if one keeps dying."""
        until = None if seconds is None else time.monotonic() + seconds
        while until is None or time.monotonic() < until:
            self.check()
            time.sleep(0.2 if until is None else max(0.0, min(0.2, until - time.monotonic())))

    def check(self) -> None:
        """Restart what has died since the last look, after a pause that grows with each death."""
        now = time.monotonic()
        for service in self._services:
            if service.process.poll() is None:
                continue
            if service.due is None:
                service.due = now + self._mourn(service, now)
            if now >= service.due:
                service.due = None
                service.process = service.start()

    def _mourn(self, service: _Service, now: float) -> float:
        """Note a death; return how long to wait before the next life. Raises Broken."""
        ending = describe(service.process.returncode)
        service.deaths.append(now)
        while service.deaths[0] < now - _DEATHS_WITHIN:
            service.deaths.popleft()
        if len(service.deaths) > _DEATHS_ALLOWED:
            raise Broken(f"{service.name} {ending} again and again; see {service.log}")
        self._say(f"{service.name} {ending}; starting it again")
        return min(0.1 * 3.0 ** (len(service.deaths) - 1), _LONGEST_PAUSE)

    def stop(self, *, within: float = 15) -> None:
        """Stop everything, the latest tier first. Safe to repeat."""
        for tier in sorted({service.tier for service in self._services}, reverse=True):
            members = [service.process for service in self._services if service.tier == tier]
            for process in members:
                if process.poll() is None:
                    process.terminate()
            deadline = time.monotonic() + within
            for process in members:
                try:
                    process.wait(max(0.1, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        self._services.clear()

    def pids(self) -> dict[str, int]:
        """Return the process id of each service."""
        return {service.name: service.process.pid for service in self._services}


def describe(code: int) -> str:
    """Say in words how a process ended."""
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with code {code}"


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into KeyboardInterrupt, so that `finally` blocks run for them too."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, interrupt) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let nobody interrupt the block: stopping must end even if Ctrl-C is pressed twice."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, signal.SIG_IGN) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
