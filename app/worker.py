"""The worker process: Dramatiq's threads take bells, one event loop does the work."""

import logging
import signal
import threading
from contextlib import AsyncExitStack, suppress
from queue import Empty, SimpleQueue
from typing import Any

import dramatiq
from dramatiq.asyncio import get_event_loop_thread
from dramatiq.middleware import AsyncIO

from app.collector import settle
from app.outgoing import outgoing
from app.settings import Settings
from app.watchdog import Watchdog
from app.wiring import wired
from channels.roads import Roads
from channels.social import Social
from channels.web import Client
from channels.webhook import Webhook
from schema.told import as_told
from services.audiences import Platforms
from services.deliveries import Couriers
from services.dispatch import Dispatch
from services.importing.working import Importing
from services.lanes import Lanes
from services.letters import Post
from services.messages import Mail
from services.occurrences import Occasions
from services.seals import Seals
from services.suppression import Suppression
from workers.broker import ASK_EVERY, make_broker
from workers.deps import Deps
from workers.registry import declare

log = logging.getLogger(__name__)

THREADS = 8  # jobs at once; each waits for the loop
TURN = 2.0  # seconds of work on the same lanes before other workers may have them
PREFETCH = 64
HEARS = 0.5  # seconds within which it is heard that it is to stop
PATIENCE = 25  # seconds for what is under way when told to stop


class _Parts(dramatiq.Middleware):
    """Builds what handlers need inside the event loop that will use it, and takes it apart."""

    def __init__(self, settings: Settings, stopping: threading.Event) -> None:
        self._settings = settings
        self._stopping = stopping
        self._open = AsyncExitStack()
        self._deps: Deps | None = None

    def deps(self) -> Deps:
        """Return the parts. They are there before the first job."""
        assert self._deps is not None
        return self._deps

    def before_worker_boot(self, _broker: dramatiq.Broker, _worker: dramatiq.Worker) -> None:
        """Called once the event loop runs: AsyncIO comes before this in the list."""
        _run(self._build())

    def after_worker_shutdown(self, _broker: dramatiq.Broker, _worker: dramatiq.Worker) -> None:
        """Called while the loop still runs: the list is walked backwards."""
        _run(self._open.aclose())

    async def _build(self) -> None:
        # All that workers do may be repeated, since they may be killed after any write. A record of
        # each, so that it can be tried again at once, would cost MongoDB a tenth of its work.
        wiring = await self._open.enter_async_context(wired(self._settings, retry_writes=False))
        public, inside = Client(private=self._settings.private_targets), Client(private=True)
        self._open.push_async_callback(public.close)
        self._open.push_async_callback(inside.close)
        mail = Mail(
            stores=wiring.stores,
            rulebook=wiring.rulebook,
            clock=wiring.clock,
            channels=outgoing(self._settings, public=public, inside=inside),
            links=self._settings.links(),
            suppression=Suppression(wiring.stores, self._settings.lasting_key()),
            roads=Roads(self._settings.sends_per_second),
        )
        self._deps = Deps(
            Lanes(
                stores=wiring.stores,
                rulebook=wiring.rulebook,
                jobs=wiring.jobs,
                clock=wiring.clock,
                stopping=self._stopping.is_set,
                chain=self._settings.chain(),
                turn=TURN,
                suppression=mail.suppression,
            ),
            await self._open.enter_async_context(Dispatch(mail)),
            Post(
                mail=mail,
                seals=Seals(self._settings.lasting_key()),
                pages=self._settings.account_url,
            ),
            await self._open.enter_async_context(
                Couriers(
                    stores=wiring.stores,
                    clock=wiring.clock,
                    outlet=Webhook(public),
                    show=as_told,
                    roads=Roads(self._settings.sends_per_second),
                    custody=mail.custody,
                )
            ),
            Occasions(
                stores=wiring.stores,
                rulebook=wiring.rulebook,
                jobs=wiring.jobs,
                clock=wiring.clock,
                stopping=self._stopping.is_set,
            ),
            Platforms(
                stores=wiring.stores,
                clock=wiring.clock,
                social=Social(public),
                custody=mail.custody,
            ),
            Importing(
                stores=wiring.stores,
                rulebook=wiring.rulebook,
                clock=wiring.clock,
                stopping=self._stopping.is_set,
            ),
        )


def run_worker(settings: Settings) -> None:
    """Work until SIGTERM or Ctrl-C; what is under way is finished."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    settings.lasting_key()  # said now if it is missing, not by the first message
    stopping = threading.Event()
    # Not the event itself: a signal that comes while another sets it would wait for that for ever.
    told = SimpleQueue[int]()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: told.put(number))
    parts = _Parts(settings, stopping)
    broker = make_broker(settings.redis_url, middleware=[AsyncIO(), parts])
    declare(broker, parts.deps)
    worker = dramatiq.Worker(broker, worker_timeout=ASK_EVERY, worker_threads=THREADS)
    worker.queue_prefetch = PREFETCH
    worker.start()
    settle()
    watchdog = _watched()
    log.info("working")
    _await(told)
    stopping.set()
    worker.stop(timeout=PATIENCE * 1000)
    watchdog.leave()
    broker.close()


def _await(told: SimpleQueue[int]) -> None:
    """Wait until the process is told to stop.

    Not for ever at once: where the system hands the signal to another thread, this one does not
    hear of it before it wakes up.
    """
    heard = None
    while heard is None:
        with suppress(Empty):
            heard = told.get(timeout=HEARS)


def _watched() -> Watchdog:
    thread = get_event_loop_thread()
    assert thread is not None
    return Watchdog(thread.loop)


def _run(coroutine: Any) -> None:
    loop = get_event_loop_thread()
    assert loop is not None
    loop.run_coroutine(coroutine)
