import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.up import answers

PARTS = {"api", "mail", "mongod", "scheduler", "valkey", "worker-1"}


def start(folder):
    """Run `fanfare up` on the folder until it says where it is."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("FANFARE_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "up"],
        env=clean | {"FANFARE_DATA_DIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = []
    for line in process.stdout:
        said.append(line)
        if "Ctrl-C stops" in line:
            return process
    pytest.fail("".join(said))


def children(pid):
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def alive(pids):
    running = []
    for pid in pids:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                running.append(pid)
        except OSError:
            continue
    return running


def await_end_of(pids, within=60):
    deadline = time.monotonic() + within
    while alive(pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert alive(pids) == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("up") / "data"


def test_everything_runs_and_one_folder_has_one_owner(folder):
    process = start(folder)
    with process:
        state = json.loads((folder / "state.json").read_text())
        port = int(state["url"].rpartition(":")[2])
        assert answers("127.0.0.1", port, "/readyz")
        assert answers("127.0.0.1", port, "/")
        family = children(process.pid)
        assert len(family) == len(PARTS)
        assert (folder / "secret").stat().st_mode & 0o777 == 0o600

        second = subprocess.run(
            [sys.executable, "-m", "app.cli", "up"],
            env=os.environ | {"FANFARE_DATA_DIR": str(folder)},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert second.returncode == 1
        assert f"is in use by process {process.pid}" in second.stderr

        process.send_signal(signal.SIGKILL)
        process.wait()
    await_end_of(family)


def test_after_a_kill_it_starts_again_at_the_same_place_and_stops_politely(folder):
    ports = (folder / "ports.json").read_text()
    process = start(folder)
    with process:
        family = children(process.pid)

        process.send_signal(signal.SIGTERM)

        assert process.wait(60) == 0
    assert alive(family) == []
    assert (folder / "ports.json").read_text() == ports
    assert not (folder / "state.json").exists()
