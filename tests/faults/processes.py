"""Real processes, started as the command line starts them, to be killed and started again."""

import os
import signal
import sys
from pathlib import Path
from subprocess import Popen

from devserver.process import spawn, stop


class Processes:
    """Workers, schedulers and APIs by name."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self._environment = os.environ | environment
        self._folder = folder
        self.running: dict[str, Popen[bytes]] = {}

    def start(self, name: str, command: str, **environment: str) -> None:
        """Start a command of `fanfare`, or a module of tests."""
        fanfare = [Path(sys.executable).with_name("fanfare")]
        self.running[name] = spawn(
            [*([sys.executable, "-m"] if "." in command else fanfare), command],
            log=self._folder / f"{name}.log",
            environment=self._environment | environment,
            death_signal=signal.SIGKILL,
        )

    def kill(self, name: str) -> None:
        self.running[name].kill()
        self.running[name].wait()

    def log(self, name: str) -> str:
        return (self._folder / f"{name}.log").read_text()

    def stop(self) -> None:
        for process in self.running.values():
            stop(process)
