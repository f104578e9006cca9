"""services.jobs.Jobs over Dramatiq and Redis: bells, which may be lost and are rung again."""

import logging
import threading
import time
from collections.abc import Sequence
from uuid import uuid4

import dramatiq
import redis

from services.jobs import Job
from workers.broker import make_broker
from workers.registry import HANDLERS

log = logging.getLogger(__name__)

_MOST_WAITING = 20_000
_AT_ONCE = 500
_UNPACKED = 1_000  # elements that Lua unpacks at once; of no account when queueing


class DramatiqJobs:
    """Queues from a thread of its own: callers neither wait for Redis nor learn of its absence.

    Rings that wait together are merged, and leave in one pipeline.
    """

    def __init__(self, url: str) -> None:
        self._broker = make_broker(url)
        self._waiting: dict[tuple[Job, str], None] = {}
        self._changed = threading.Condition()
        self._closing = False
        self._thread: threading.Thread | None = None
        self._reachable = True

    async def ring(self, job: Job, args: Sequence[str]) -> None:
        """Have some worker run the job soon, once per element of `args`."""
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="bells", daemon=True)
                self._thread.start()
            if len(self._waiting) < _MOST_WAITING:
                self._waiting.update(dict.fromkeys((job, arg) for arg in args))
            self._changed.notify()

    def close(self) -> None:
        """Ring what still waits, for a second at most, and let go of Redis."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(timeout=1)
        self._broker.client.close()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                batch = list(self._waiting)[:_AT_ONCE]
                for bell in batch:
                    del self._waiting[bell]
                if not batch:
                    return
            try:
                self._post(batch)
                self._reachable = True
            except (redis.RedisError, OSError) as error:
                if self._reachable:
                    log.warning("Redis is away, bells are lost until it is back: %s", error)
                self._reachable = False

    def _post(self, bells: Sequence[tuple[Job, str]]) -> None:
        """Queue messages as the broker would one by one, but in one round trip."""
        broker = self._broker
        now = int(time.time() * 1000)
        dispatch = broker.scripts["dispatch"]
        with broker.client.pipeline(transaction=False) as pipeline:
            for job, arg in _packed(bells):
                key = str(uuid4())
                message: dramatiq.Message[None] = dramatiq.Message(
                    queue_name=HANDLERS[job].queue,
                    actor_name=job.value,
                    args=(arg,),
                    kwargs={},
                    options={"redis_message_id": key},
                )
                dispatch(
                    keys=[broker.namespace],
                    args=[
                        "enqueue",
                        now,
                        message.queue_name,
                        broker.broker_id,
                        broker.heartbeat_timeout,
                        broker.dead_message_ttl,
                        0,
                        _UNPACKED,
                        key,
                        message.encode(),
                    ],
                    client=pipeline,
                )
            for queue in {HANDLERS[job].queue for job, _ in bells}:
                broker.ring(queue, pipeline)
            pipeline.execute()


def _packed(bells: Sequence[tuple[Job, str]]) -> list[tuple[Job, str]]:
    """Join what is done together: a pass over eight lanes costs little more than one over one."""
    packs: dict[tuple[Job, str], list[str]] = {}
    for job, arg in bells:
        together = HANDLERS[job].together
        # Always the same neighbours, so that one worker has all of them and others come in vain.
        pack = arg if together == 1 else str(int(arg) // together)
        packs.setdefault((job, pack), []).append(arg)
    return [(job, ",".join(args)) for (job, _), args in packs.items()]
