"""Webhooks that follow the feed: each entry they want reaches them, at least once.

    feed ─► spread: one delivery for each entry and webhook ─► Couriers: tried until it is taken

A delivery is a document keyed by webhook and place, so spreading may be repeated; how far a webhook
has been served moves on only afterwards. The receiver knows a repeat by `webhook-id`.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

import orjson

from channels import Message, NotSent, Outlet, Unclear
from channels.roads import Roads
from models.delivery import PAUSES, Delivery, DeliveryState, delivery_id, wants
from models.errors import Conflict, Unavailable
from models.feed import FeedEntry, Numbered
from models.ids import new_id
from models.store import Stores
from models.webhook import Webhook
from services import outages, sequencer, suspects
from services.clock import Clock
from services.custody import Custody
from services.jobs import Job, Jobs

log = logging.getLogger(__name__)

BLOCKS = 4  # of the feed, dealt with in one round
MOST_WAITING = 10_000  # for one webhook: what comes after stays in the feed until there is room
AT_ONCE = 8  # to one webhook, from one worker
LEASE = timedelta(seconds=30)
JITTER = 0.2


async def spread(*, stores: Stores, jobs: Jobs, wall: datetime) -> None:
    """Make a delivery of whatever is new in the feed and wanted; ring for what is due.

    Safe to repeat, also at once.
    """
    following = [each for each in await stores.webhooks.all() if each.enabled and each.events]
    if not following:
        return
    for webhook in following:
        await _spread_to(webhook, stores, wall)
    await jobs.ring(
        Job.SERVE_WEBHOOK, await stores.deliveries.due({each.name for each in following}, wall)
    )


async def _spread_to(webhook: Webhook, stores: Stores, wall: datetime) -> None:
    reader = _reader(webhook.name)
    seq = await stores.positions.find(reader)
    if seq is None:
        await stores.positions.begin(reader, (await sequencer.read_head(stores=stores)).seq)
        return
    if await stores.deliveries.waiting(webhook.name, most=MOST_WAITING) >= MOST_WAITING:
        return
    blocks = await sequencer.after(seq, stores=stores, limit=BLOCKS)
    if not blocks:
        return
    missed = blocks[0].first_seq - seq - 1
    if missed > 0:
        data = {"webhook": webhook.name, "missed": missed, "after": seq}
        entry = FeedEntry(f"webhook:{webhook.name}:missed:{seq}", "webhook.missed", wall, data=data)
        await stores.outbox.add([entry])
    await stores.deliveries.add(
        _delivery(webhook.name, numbered, wall)
        for block in blocks
        for numbered in block.after(seq)
        if wants(webhook.events, numbered.entry.type) and not _of_itself(numbered, webhook)
    )
    await stores.positions.advance(reader, seq, blocks[-1].last_seq)


def _of_itself(numbered: Numbered, webhook: Webhook) -> bool:
    """Whether it is told of a delivery to this webhook that killed: so may be telling it that."""
    entry = numbered.entry
    return entry.type == "alert.delivery_set_aside" and entry.data["webhook"] == webhook.name


def _delivery(webhook: str, numbered: Numbered, wall: datetime) -> Delivery:
    return Delivery(
        id=delivery_id(webhook, numbered.seq),
        webhook=webhook,
        seq=numbered.seq,
        entry=numbered.entry,
        made_at=wall,
        next_at=wall,
    )


async def ping(name: str, *, stores: Stores, jobs: Jobs, wall: datetime) -> Delivery:
    """Send a webhook something harmless, through all that a real delivery goes through."""
    webhook = await stores.webhooks.get(name)
    if not webhook.enabled:
        raise Conflict("The webhook is disabled; enable it first.", code="WEBHOOK_DISABLED")
    key = f"{name}|ping-{new_id()}"
    entry = FeedEntry(key, "webhook.ping", wall, data={"webhook": name})
    delivery = Delivery(id=key, webhook=name, seq=0, entry=entry, made_at=wall, next_at=wall)
    await stores.deliveries.add([delivery])
    await jobs.ring(Job.SERVE_WEBHOOK, [name])
    return delivery


async def replay(name: str, after: int, *, stores: Stores, jobs: Jobs, wall: datetime) -> int:
    """Deliver everything after a place of the feed once more; return how many are made again.

    What the webhook did not want then, and does now, comes with it.
    """
    await stores.webhooks.get(name)
    made = await stores.deliveries.again(name, wall=wall, after=after)
    await stores.positions.rewind(_reader(name), after)
    await jobs.ring(Job.SERVE_WEBHOOK, [name])
    return made


async def redeliver(id: str, *, stores: Stores, jobs: Jobs, wall: datetime) -> Delivery:
    """Make one delivery once more, whatever came of it. Raises NotFound."""
    delivery = await stores.deliveries.get(id)
    await stores.deliveries.again(delivery.webhook, wall=wall, after=None, id=id)
    await jobs.ring(Job.SERVE_WEBHOOK, [delivery.webhook])
    return await stores.deliveries.get(id)


def _reader(webhook: str) -> str:
    return f"webhook:{webhook}"


# An entry in its place, and what the shop's own system calls the person it is about.
Show = Callable[[Numbered, Sequence[str]], Mapping[str, Any]]


@dataclass(slots=True)
class Couriers:
    """Deliver what is due, each webhook's by a task of its own. One per worker process.

    `show` says what an entry looks like from outside. Leaving it finishes what is under way.
    """

    stores: Stores
    clock: Clock
    outlet: Outlet
    show: Show
    roads: Roads = field(default_factory=Roads)
    custody: Custody = field(default_factory=Custody)
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _stopping: bool = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping = True
        await self.idle()

    def serve(self, name: str) -> None:
        """Have a webhook's due deliveries made. Returns at once; safe to repeat."""
        if name not in self._tasks and not self._stopping:
            task = self._tasks[name] = asyncio.create_task(self._serve(name))
            task.add_done_callback(lambda _: self._tasks.pop(name, None))

    async def idle(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            await asyncio.wait(set(self._tasks.values()))

    async def _serve(self, name: str) -> None:
        destination = f"feed:{name}"
        road = self.roads.to(destination)
        try:
            while not self._stopping and road.admits(self.clock.wall()):
                webhook = await self.stores.webhooks.get(name)
                if not webhook.enabled:
                    return
                page, doubted = await self.stores.deliveries.next(
                    name, wall=self.clock.wall(), limit=AT_ONCE
                )
                if not page and not doubted:
                    return
                taken = await self._try_all(page, webhook) if page else []
                if doubted:
                    async with self.custody.alone:
                        taken += await self._try_all(doubted[:1], webhook)
                if taken:
                    road.note(any(taken), self.clock.wall())
                    await outages.tell(
                        destination, road, stores=self.stores, wall=self.clock.wall()
                    )
        except Unavailable as error:
            log.warning("webhook %s waits: %s", name, error.message)
        except Exception:
            log.exception("webhook %s waits", name)

    async def _try_all(self, ids: Sequence[str], webhook: Webhook) -> list[bool]:
        """Try what of these is still due; return of each whether somebody answered."""
        token, wall, stores = new_id(), self.clock.wall(), self.stores
        async with self.custody.of(lambda: stores.deliveries.let_go(ids, token)):
            claimed = await stores.deliveries.claim(ids, token, wall=wall, lease=LEASE)
            lost = [each for each in claimed if each.deaths >= suspects.DEATHS]
            for each in lost:
                await suspects.set_delivery_aside(each, token, wall, stores=stores)
            left = [each for each in claimed if each not in lost]
            known = await self._external_ids(left)
            done = await asyncio.gather(
                *(
                    self._try(each, known.get(each.entry.user_id or "", ()), webhook, token)
                    for each in left
                ),
                return_exceptions=True,
            )
            # All have ended, one way or the other: now the first that failed may say so.
            for result in done:
                if isinstance(result, BaseException):
                    raise result
            return [result for result in done if not isinstance(result, BaseException)]

    async def _external_ids(self, page: Sequence[Delivery]) -> Mapping[str, Sequence[str]]:
        about = {each.entry.user_id for each in page if each.entry.user_id is not None}
        return await self.stores.identities.external_of(sorted(about)) if about else {}

    async def _try(
        self, delivery: Delivery, external_ids: Sequence[str], webhook: Webhook, token: str
    ) -> bool:
        """Try once; return whether the other side answered as one does who is there."""
        wall = self.clock.wall()
        body = orjson.dumps(self.show(Numbered(delivery.seq, delivery.entry), external_ids))
        message = Message(
            id="feed_" + delivery.id.rpartition("|")[2],
            to=webhook.url,
            name="",
            subject=webhook.name,
            text=body.decode(),
            html=None,
            at=wall,
            keys=webhook.keys(wall),
        )
        try:
            await self.outlet.send(message)
        except NotSent as error:
            await self._failed(delivery, webhook, token, error.reason, gone=error.gone)
            return not error.away and error.retry
        except Unclear as error:
            await self._failed(delivery, webhook, token, str(error))
            return False
        done = replace(
            delivery, state=DeliveryState.DELIVERED, next_at=None, done_at=wall, reason=""
        )
        await self.stores.deliveries.settle(done, token)
        return True

    async def _failed(
        self,
        delivery: Delivery,
        webhook: Webhook,
        token: str,
        reason: str,
        *,
        gone: bool = False,
    ) -> None:
        failures, wall = delivery.failures + 1, self.clock.wall()
        if failures <= len(PAUSES) and not gone:
            pause = PAUSES[failures - 1] * random.uniform(1 - JITTER, 1 + JITTER)
            later = replace(delivery, next_at=wall + pause, failures=failures, reason=reason)
            await self.stores.deliveries.settle(later, token)
            return
        failed = replace(
            delivery,
            state=DeliveryState.FAILED,
            failures=failures,
            reason=reason,
            next_at=None,
            done_at=wall,
        )
        if await self.stores.deliveries.settle(failed, token):
            await self._disable(webhook, reason, wall)

    async def _disable(self, webhook: Webhook, reason: str, wall: datetime) -> None:
        """Stop calling who does not answer, and tell; what waits goes on when it is enabled."""
        try:
            await self.stores.webhooks.save(replace(webhook, enabled=False))
        except Conflict:  # changed meanwhile, perhaps for the better: the next failure will tell
            return
        data = {"webhook": webhook.name, "reason": reason}
        key = f"webhook:{webhook.name}:disabled:{webhook.version}"
        await self.stores.outbox.add([FeedEntry(key, "webhook.disabled", wall, data=data)])
