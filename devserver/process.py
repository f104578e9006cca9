"""Children that never outlive us: started with a death signal, stopped politely, then firmly."""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

# Loaded before any fork: the child may run almost nothing between fork and exec.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1


class StartError(Exception):
    """A server that cannot be started here. The message says why and what cures it."""


def free_port(preferred: int | None = None) -> int:
    """Return a loopback port nobody listens on, `preferred` if that is free."""
    for port in (preferred, 0):
        if port is None:
            continue
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise StartError("no free port on 127.0.0.1")


def tie_to_parent(death_signal: int = signal.SIGTERM) -> None:
    """Have Linux signal this process when the thread that started it ends."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0)


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path,
    death_signal: int = signal.SIGTERM,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own that is signalled when this thread ends.

    Call it from a thread that lives as long as the child should: Linux sends the death signal
    at the end of the *thread* that forked. A terminal's Ctrl-C does not reach the child.
    """
    parent = os.getpid()

    def tie() -> None:
        tie_to_parent(death_signal)
        # The parent may have died before the line above took effect.
        if os.getppid() != parent:
            os._exit(1)

    with log.open("ab") as output:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if environment is None else dict(environment),
            start_new_session=True,
            preexec_fn=tie,  # noqa: PLW1509 (it runs one system call)
        )


def stop(process: subprocess.Popen[bytes], *, within: float = 10) -> None:
    """End a child: SIGTERM, and SIGKILL if that takes too long. Safe to repeat."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(within)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def await_port(process: subprocess.Popen[bytes], port: int, *, within: float = 120) -> bool:
    """Wait until the child listens on `port`; false if it ends or takes too long first."""
    deadline = time.monotonic() + within
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.02)
    return False


def tail(log: Path, lines: int = 5) -> str:
    """Return the end of a child's log, for an error message."""
    with suppress(OSError):
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    return ""


def on_path(*names: str) -> list[Path]:
    """Return the programs of these names that PATH offers."""
    return [Path(found) for name in names if (found := shutil.which(name))]
