import os
import signal
import sys
import time

import pytest

from app.supervisor import Broken, Supervisor, interruptible
from devserver.process import spawn

FOREVER = [sys.executable, "-c", "import time; time.sleep(60)"]

DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(60)
"""


@pytest.fixture
def said():
    return []


@pytest.fixture
def supervisor(said):
    supervisor = Supervisor(said.append)
    yield supervisor
    supervisor.stop()


def start(supervisor, tmp_path, command, name="thing"):
    log = tmp_path / f"{name}.log"
    supervisor.start(name, lambda: spawn(command, log=log), log=log, tier=1)


def test_what_dies_is_started_again_and_named(supervisor, said, tmp_path):
    start(supervisor, tmp_path, FOREVER)
    first = supervisor.pids()["thing"]
    os.kill(first, signal.SIGKILL)

    supervisor.watch(seconds=1)

    assert supervisor.pids()["thing"] != first
    assert said == ["thing was killed by SIGKILL; starting it again"]


def test_what_keeps_dying_stops_everything_with_the_reason(supervisor, tmp_path, monkeypatch):
    monkeypatch.setattr("app.supervisor._LONGEST_PAUSE", 0.01)
    start(supervisor, tmp_path, ["false"])

    with pytest.raises(Broken, match=r"thing ended with code 1 again and again; see .*thing.log"):
        supervisor.watch(seconds=20)


def test_stopping_ends_the_stubborn_too(supervisor, tmp_path):
    start(supervisor, tmp_path, [sys.executable, "-c", DEAF])
    while not (tmp_path / "thing.log").read_text():
        time.sleep(0.02)
    pid = supervisor.pids()["thing"]

    supervisor.stop(within=0.2)

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_polite_kill_unwinds_like_ctrl_c():
    with pytest.raises(KeyboardInterrupt), interruptible():
        signal.raise_signal(signal.SIGTERM)
