"""Ends a process whose event loop stands still, as one does that goes round in circles.

What it held is soon another's: whoever takes over a lane that nobody let go of suspects what waits
there (services.suspects), and sets aside what ends one worker after the other.
"""

import asyncio
import faulthandler
import logging
import os
import threading

log = logging.getLogger(__name__)

PATIENCE = 60  # seconds
EVERY = 1.0  # seconds
EXIT = 70  # EX_SOFTWARE


class Watchdog:
    """Looks once a second, from a thread of its own, whether a loop still turns.

    What counts is how often it was seen standing still, not how much time has passed: nobody is
    ended for having been suspended.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, *, patience: float = PATIENCE, every: float = EVERY
    ) -> None:
        self._loop, self._most, self._every = loop, patience / every, every
        self._over = threading.Event()
        self._turned = True
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def leave(self) -> None:
        """Watch no longer."""
        self._over.set()

    def _watch(self) -> None:
        missed = 0
        while not self._over.wait(self._every):
            if not self._turned:
                missed += 1
                if missed >= self._most:
                    self._end()
                continue
            missed, self._turned = 0, False
            try:
                self._loop.call_soon_threadsafe(self._turn)
            except RuntimeError:  # it is closed
                return

    def _turn(self) -> None:
        self._turned = True

    def _end(self) -> None:
        log.critical("the event loop stands still: this process ends, so that others can go on")
        faulthandler.dump_traceback(all_threads=True)
        os._exit(EXIT)
