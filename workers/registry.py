"""Which handler does which job, and in which queue it waits."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

import dramatiq

from models.errors import Unavailable
from services.jobs import Job
from workers.audiences import sync_audience
from workers.deps import Deps
from workers.imports import work_import
from workers.lanes import work_lane
from workers.letters import send_letter
from workers.messages import send_messages
from workers.occurrences import start_occurrence
from workers.segments import fill_segments
from workers.webhooks import serve_webhook

log = logging.getLogger(__name__)

Handler: TypeAlias = Callable[[Deps, str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Handling:
    """`seconds` is how long a job may take before it is interrupted. Urgent ones go first.

    Each queue has a thread that waits for it, so what may wait behind one another has one together.
    Of `together` neighbouring numbers, those rung for at once come as one list, with commas.
    """

    handler: Handler
    queue: str
    seconds: float
    urgent: bool = False
    together: int = 1


HANDLERS: dict[Job, Handling] = {
    Job.WORK_LANE: Handling(work_lane, "lanes", 300, together=8),
    Job.START_OCCURRENCE: Handling(start_occurrence, "background", 300),
    Job.SEND_MESSAGES: Handling(send_messages, "messages", 60),
    Job.SEND_URGENT: Handling(send_messages, "urgent", 60, urgent=True),
    Job.SEND_LETTERS: Handling(send_letter, "urgent", 60, urgent=True),
    Job.CALL_WEBHOOKS: Handling(send_messages, "webhooks", 60),
    Job.SYNC_AUDIENCE: Handling(sync_audience, "background", 300),
    Job.SERVE_WEBHOOK: Handling(serve_webhook, "webhooks", 60),
    Job.FILL_SEGMENTS: Handling(fill_segments, "background", 300),
    Job.WORK_IMPORT: Handling(work_import, "background", 300),
}


def declare(broker: dramatiq.Broker, deps: Callable[[], Deps]) -> None:
    """Declare an actor on `broker` for every handler. `deps` is asked when a job begins."""
    for job, handling in HANDLERS.items():
        actor = dramatiq.actor(
            actor_name=job.value,
            queue_name=handling.queue,
            priority=0 if handling.urgent else 10,
            broker=broker,
        )
        actor(_guarded(job, handling, deps))
    # Nothing is ever to ring later, and to ask for such bells costs as much as to ask for others.
    broker.delay_queues.clear()


def _guarded(
    job: Job, handling: Handling, deps: Callable[[], Deps]
) -> Callable[[str], Awaitable[None]]:
    async def handle(arg: str) -> None:
        # No retry by the queue, which loses messages while Redis is away: what failed still waits
        # in MongoDB, and the sweeper rings again.
        try:
            async with asyncio.timeout(handling.seconds):
                await handling.handler(deps(), arg)
        except Unavailable as error:
            log.warning("%s(%s) waits: %s", job, arg[:80], error.message)
        except TimeoutError:
            log.error("%s(%s) took over %s seconds", job, arg[:80], handling.seconds)
        except Exception:
            log.exception("%s(%s) failed", job, arg[:80])

    return handle
