"""Dramatiq's broker, with workers that wait in Redis until they are rung for.

Its own consumers ask each queue again and again: five queues ten times a second took a worker with
nothing to do 6 % of a core, and twice that with much to do.
"""

import time
from collections.abc import Sequence

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer
from dramatiq.errors import ConnectionClosed
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.retry import Retry

ASK_EVERY = 500  # milliseconds until a queue is asked although nobody rang
_ROOM_EVERY = 0.1  # seconds until who has enough to do sees whether there is room for more
_MOST_RINGS = 8  # that are kept for workers that are not waiting just now


class Broker(RedisBroker):
    """A broker in whose consumers' `timeout` a queue is asked once, and at once when rung for."""

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = ASK_EVERY) -> "Consumer":
        """Return a consumer of a queue; `timeout` is in milliseconds."""
        return Consumer(self, queue_name, prefetch, timeout)

    def ring(self, queue_name: str, pipeline: Pipeline) -> None:
        """Wake whoever waits for a queue in which something was put."""
        key = self.rings(queue_name)
        pipeline.lpush(key, 1)
        pipeline.ltrim(key, 0, _MOST_RINGS - 1)

    def rings(self, queue_name: str) -> str:
        """Return the key of the list on which a queue's consumers wait."""
        return f"{self.namespace}:{queue_name}.rings"


class Consumer(_RedisConsumer):
    """Asks its queue when it is rung for, and otherwise once in `timeout` milliseconds.

    Rings may be lost, or one too many: they say when to ask, never what is there.
    """

    def __init__(self, broker: Broker, queue_name: str, prefetch: int, timeout: int) -> None:
        super().__init__(broker, queue_name, prefetch, timeout=0)  # type: ignore[no-untyped-call]
        self._rings = broker.rings(queue_name)
        self._patience = timeout / 1000

    def __next__(self) -> dramatiq.MessageProxy | None:
        """Return the next message; None after a while without any."""
        message: dramatiq.MessageProxy | None = super().__next__()  # type: ignore[no-untyped-call]
        if message is not None:
            return message
        if self.outstanding_message_count >= self.prefetch:
            time.sleep(_ROOM_EVERY)
            return None
        try:
            self.broker.client.blpop(self._rings, timeout=self._patience)
        except redis.ConnectionError as error:
            raise ConnectionClosed(error) from None
        return None


def make_broker(url: str, *, middleware: Sequence[dramatiq.Middleware] = ()) -> Broker:
    """Return a broker that finds a killed worker's messages within ten seconds.

    The client must not retry by itself: a command that was done although its answer was lost would
    duplicate or strand messages. Whoever waits for one that is not answered hears no bell
    meanwhile: that is noticed within five seconds.
    """
    client = redis.Redis.from_url(
        url, socket_timeout=5, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0)
    )
    return Broker(  # type: ignore[no-untyped-call]
        client=client,
        middleware=list(middleware),
        maintenance_chance=1_000_000,
        heartbeat_timeout=10_000,
    )
