"""An API process with what it needs, for measuring it from outside."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import orjson
from _http import Served

import devserver.mongod
import devserver.valkey
from devserver.mongod import Profile
from devserver.process import free_port, spawn, stop

SECRET = "a secret for benchmarks, long enough to sign"
ME = orjson.dumps({"query": "{ me { id name email } }"})


def environment_of(mongodb: str, redis: str, port: int, folder: Path) -> dict[str, str]:
    """Return what processes are told to work on a database of their own."""
    return os.environ | {
        "FANFARE_MONGODB_URI": mongodb,
        "FANFARE_REDIS_URL": redis,
        "FANFARE_DATABASE": "bench",
        "FANFARE_SECRET": SECRET,
        "FANFARE_PORT": str(port),
        "FANFARE_DATA_DIR": str(folder),
    }


@contextmanager
def running(folder: Path, set_up: Callable[[str], Coroutine[Any, Any, str]]) -> Iterator[Served]:
    """Start mongod (journalled), Valkey and the API.

    `set_up` is given MongoDB's address and returns the access token of whoever asks.
    """
    with ExitStack() as open_:
        mongod = open_.enter_context(devserver.mongod.running(folder / "mongod", Profile.DURABLE))
        valkey = open_.enter_context(devserver.valkey.running(folder / "valkey"))
        key = asyncio.run(set_up(mongod.uri))
        port = free_port()
        environment = environment_of(mongod.uri, valkey.url, port, folder)
        process = spawn(
            [sys.executable, "-m", "app.cli", "serve"],
            log=folder / "api.log",
            environment=environment,
            death_signal=signal.SIGKILL,
        )
        open_.callback(stop, process)
        served = Served("API", port, process.pid, "/graphql", key, [ME])
        served.await_answer()
        yield served
